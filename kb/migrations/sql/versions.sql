-- Versions: legal moves, content that can't change after submission, four eyes, publication.

-- The words that rules compare. A misspelt risk would ask for too few approvals.
ALTER TABLE kb_version
    ADD CHECK (kind IN ('policy', 'resolution')),
    ADD CHECK (risk IN ('normal', 'high')),
    ADD CHECK (audience IN ('public', 'agent', 'internal')),
    ADD CHECK (jsonb_typeof(scope) = 'object');
ALTER TABLE kb_passage ADD CHECK (audience IN ('public', 'agent', 'internal'));
ALTER TABLE kb_client
    ADD CHECK (audience IN ('public', 'agent', 'internal')),
    ADD CHECK (jsonb_typeof(scope) = 'object');
ALTER TABLE kb_factrevision ADD CHECK (jsonb_typeof(scope) = 'object');

CREATE FUNCTION kb_instant(instant timestamptz) RETURNS text LANGUAGE sql STABLE
    RETURN to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

CREATE FUNCTION kb_sha256(words text) RETURNS text LANGUAGE sql STABLE
    RETURN encode(sha256(convert_to(words, 'UTF8')), 'hex');

-- The digest that is signed: every field of the content, every passage that can be served, and
-- every fact value that the version carries or renders.
CREATE FUNCTION kb_version_digest(v kb_version) RETURNS text LANGUAGE sql STABLE
    RETURN kb_sha256(jsonb_build_object(
        'article', v.article_id, 'language', v.language, 'title', v.title, 'body', v.body,
        'kind', v.kind, 'risk', v.risk, 'audience', v.audience, 'scope', v.scope,
        'effective_from', kb_instant(v.effective_from),
        'effective_until', kb_instant(v.effective_until),
        'change_note', v.change_note, 'facts', v.facts,
        'passages', (SELECT coalesce(jsonb_agg(p.digest ORDER BY p.ordinal), '[]')
                     FROM kb_passage p WHERE p.version_id = v.id),
        'carried', (SELECT coalesce(jsonb_agg(r.digest ORDER BY r.id), '[]')
                    FROM kb_carriedfact c JOIN kb_factrevision r ON r.id = c.revision_id
                    WHERE c.version_id = v.id),
        'pinned', (SELECT coalesce(jsonb_agg(r.digest ORDER BY r.id), '[]')
                   FROM kb_pinnedfact c JOIN kb_factrevision r ON r.id = c.revision_id
                   WHERE c.version_id = v.id)
    )::text);

CREATE FUNCTION kb_version_content(v kb_version) RETURNS jsonb LANGUAGE sql IMMUTABLE
    RETURN jsonb_build_array(v.title, v.body, v.kind, v.risk, v.audience, v.scope,
        extract(epoch FROM v.effective_from), extract(epoch FROM v.effective_until),
        v.change_note, v.facts);

-- Everybody who saved content of a version, or of the returned or withdrawn ones under it.
CREATE FUNCTION kb_contributors(version bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE line AS (
        SELECT v.id, v.based_on_id FROM kb_version v WHERE v.id = version
        UNION
        SELECT b.id, b.based_on_id FROM line JOIN kb_version b ON b.id = line.based_on_id
        WHERE b.state IN ('returned', 'withdrawn')
    )
    SELECT DISTINCT c.person_id FROM line JOIN kb_contributor c ON c.version_id = line.id
$$;

CREATE FUNCTION kb_audience_rank(audience text) RETURNS integer LANGUAGE sql IMMUTABLE
    RETURN CASE audience WHEN 'public' THEN 0 WHEN 'agent' THEN 1 ELSE 2 END;

CREATE FUNCTION kb_approvals_needed(risk text) RETURNS integer LANGUAGE sql IMMUTABLE
    RETURN CASE risk WHEN 'high' THEN 2 ELSE 1 END;

CREATE FUNCTION kb_approved(v kb_version) RETURNS boolean LANGUAGE sql STABLE
    RETURN (SELECT count(DISTINCT r.reviewer_id) FROM kb_review r
            WHERE r.version_id = v.id AND r.decision = 'approve' AND r.digest = v.digest)
        >= kb_approvals_needed(v.risk);

CREATE FUNCTION kb_version_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved boolean := TG_OP = 'UPDATE' AND NEW.state IS DISTINCT FROM OLD.state;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' OR NEW.number IS NOT NULL OR NEW.digest IS NOT NULL
           OR NEW.published_at IS NOT NULL OR NEW.verified_at IS NOT NULL THEN
            PERFORM kb_refuse('illegal_move', 'a version begins as a draft');
        END IF;
        IF NEW.based_on_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM kb_version b WHERE b.id = NEW.based_on_id
            AND b.article_id = NEW.article_id AND b.state NOT IN ('draft', 'in_review')) THEN
            PERFORM kb_refuse('illegal_basis',
                'a draft is based on a decided version of the same article');
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.article_id, NEW.language, NEW.author_id, NEW.based_on_id, NEW.created_at,
        NEW.import_run_id, NEW.change_set_id) IS DISTINCT FROM
       (OLD.id, OLD.article_id, OLD.language, OLD.author_id, OLD.based_on_id, OLD.created_at,
        OLD.import_run_id, OLD.change_set_id) THEN
        PERFORM kb_refuse('identity_is_fixed', 'what a version belongs to can''t change');
    END IF;
    IF NOT moved AND OLD.state = 'draft' THEN
        IF NEW.number IS NOT NULL OR NEW.digest IS NOT NULL OR NEW.published_at IS NOT NULL THEN
            PERFORM kb_refuse('illegal_move', 'number and digest are given at submission');
        END IF;
        IF kb_version_content(NEW) IS DISTINCT FROM kb_version_content(OLD)
           AND EXISTS (SELECT FROM kb_passage p WHERE p.version_id = NEW.id) THEN
            PERFORM kb_refuse('content_is_fixed', 'its passages are of the text as it was');
        END IF;
        RETURN NEW;
    END IF;
    IF kb_version_content(NEW) IS DISTINCT FROM kb_version_content(OLD)
       OR NEW.edited_by_id <> OLD.edited_by_id THEN
        PERFORM kb_refuse('content_is_fixed', 'a version''s content can''t change after submission');
    END IF;
    IF NOT (moved AND OLD.state = 'draft' AND NEW.state = 'in_review')
       AND (NEW.digest, NEW.number, NEW.submitted_at) IS DISTINCT FROM
           (OLD.digest, OLD.number, OLD.submitted_at) THEN
        PERFORM kb_refuse('content_is_fixed', 'a version''s number and digest can''t change');
    END IF;
    IF NOT moved THEN
        IF (NEW.published_at, NEW.decided_at) IS DISTINCT FROM (OLD.published_at, OLD.decided_at)
           OR NEW.verified_at < OLD.verified_at THEN
            PERFORM kb_refuse('past_is_fixed', 'what was decided can''t be rewritten');
        END IF;
        IF NEW.verified_at IS DISTINCT FROM OLD.verified_at THEN
            PERFORM kb_check_instant(NEW.verified_at, 'verified_at');
        END IF;
        RETURN NEW;
    END IF;
    RETURN kb_version_move(OLD, NEW);
END $$;

CREATE FUNCTION kb_version_move(was kb_version, becomes kb_version) RETURNS kb_version
LANGUAGE plpgsql AS $$
BEGIN
    IF (was.state, becomes.state) NOT IN (
        ('draft', 'in_review'), ('draft', 'withdrawn'), ('in_review', 'published'),
        ('in_review', 'returned'), ('in_review', 'withdrawn'), ('published', 'retired')) THEN
        PERFORM kb_refuse('illegal_move', format(
            'a version can''t go from %s to %s', was.state, becomes.state));
    END IF;
    IF becomes.state = 'in_review' THEN
        PERFORM kb_check_instant(becomes.submitted_at, 'submitted_at');
        IF EXISTS (SELECT FROM kb_passage p WHERE p.version_id = becomes.id
                   AND kb_audience_rank(p.audience) < kb_audience_rank(becomes.audience)) THEN
            PERFORM kb_refuse('audience_widened', 'a passage may narrow its version''s audience, never widen it');
        END IF;
        PERFORM FROM kb_article a WHERE a.id = becomes.article_id FOR NO KEY UPDATE;
        becomes.number := 1 + coalesce((SELECT max(v.number) FROM kb_version v
                                        WHERE v.article_id = becomes.article_id), 0);
        becomes.digest := kb_version_digest(becomes);
        RETURN becomes;
    END IF;
    PERFORM kb_check_instant(becomes.decided_at, 'decided_at');
    IF becomes.state = 'published' THEN
        IF becomes.published_at IS DISTINCT FROM becomes.decided_at
           OR becomes.verified_at IS DISTINCT FROM becomes.decided_at THEN
            PERFORM kb_refuse('not_the_clock', 'published_at and verified_at are the decision''s');
        END IF;
        IF NOT kb_approved(becomes) THEN
            PERFORM kb_refuse('approvals_missing', format(
                'version %s needs %s approval(s) on exactly its digest', becomes.id,
                kb_approvals_needed(becomes.risk)));
        END IF;
    ELSIF becomes.published_at IS DISTINCT FROM was.published_at
          OR becomes.verified_at IS DISTINCT FROM was.verified_at THEN
        PERFORM kb_refuse('past_is_fixed', 'publication can''t be rewritten');
    ELSIF becomes.state = 'returned' AND NOT EXISTS (
        SELECT FROM kb_review r WHERE r.version_id = becomes.id AND r.decision = 'return'
        AND r.digest = becomes.digest) THEN
        PERFORM kb_refuse('illegal_move', 'a version is returned by a review');
    END IF;
    RETURN becomes;
END $$;

CREATE TRIGGER version_guard BEFORE INSERT OR UPDATE ON kb_version
    FOR EACH ROW EXECUTE FUNCTION kb_version_guard();

CREATE FUNCTION kb_version_contributor() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' OR kb_version_content(NEW) IS DISTINCT FROM kb_version_content(OLD)
       OR NEW.edited_by_id <> OLD.edited_by_id THEN
        INSERT INTO kb_contributor (version_id, person_id)
        SELECT DISTINCT NEW.id, who FROM unnest(ARRAY[NEW.author_id, NEW.edited_by_id]) AS who
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER version_contributor AFTER INSERT OR UPDATE ON kb_version
    FOR EACH ROW EXECUTE FUNCTION kb_version_contributor();

CREATE FUNCTION kb_review_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v kb_version;
BEGIN
    SELECT * INTO v FROM kb_version WHERE id = NEW.version_id FOR SHARE;
    IF v.state IS DISTINCT FROM 'in_review' THEN
        PERFORM kb_refuse('illegal_move', 'only a version in review can be decided');
    END IF;
    IF NEW.digest IS DISTINCT FROM v.digest THEN
        PERFORM kb_refuse('changed_while_you_looked', 'the signature is on another digest');
    END IF;
    PERFORM kb_check_instant(NEW.decided_at, 'decided_at');
    IF NEW.decision = 'approve' AND NEW.reviewer_id IN (SELECT kb_contributors(v.id)) THEN
        PERFORM kb_refuse('four_eyes', 'nobody approves what they wrote a part of');
    END IF;
    IF NEW.meaning = 'import_attested' THEN
        IF NOT EXISTS (SELECT FROM kb_importrun_approvers a
                       WHERE a.importrun_id = NEW.import_run_id AND a.person_id = NEW.reviewer_id
                       AND NEW.import_run_id = v.import_run_id) THEN
            PERFORM kb_refuse('stale_authentication',
                'an attested approval names its own import, and is one of its approvers''');
        END IF;
    ELSIF NEW.decision = 'approve' AND (
          NEW.authenticated_at IS NULL OR NEW.authenticated_by = ''
          OR NEW.authenticated_at > kb_clock() + interval '1 minute'
          OR NEW.authenticated_at < kb_clock() - interval '5 minutes') THEN
        PERFORM kb_refuse('stale_authentication', 'sign in again: the signature needs it fresh');
    ELSIF NEW.decision = 'approve' AND NOT EXISTS (
          SELECT FROM kb_rolegrant g JOIN kb_article a ON a.id = v.article_id
          WHERE g.person_id = NEW.reviewer_id AND g.role = 'approver'
          AND (g.group_id IS NULL OR g.group_id = a.owner_group_id)) THEN
        PERFORM kb_refuse('not_permitted', 'a version is approved by an approver of its article');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER review_guard BEFORE INSERT ON kb_review
    FOR EACH ROW EXECUTE FUNCTION kb_review_guard();

-- What hangs on a version's content is written while it is a draft, and never after.
CREATE FUNCTION kb_part_of_draft() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM kb_version v WHERE v.id IN (SELECT version_id FROM added) FOR SHARE;
    IF EXISTS (SELECT FROM kb_version v WHERE v.id IN (SELECT version_id FROM added)
               AND v.state <> 'draft') THEN
        PERFORM kb_refuse('content_is_fixed', format(
            '%s can only be written while the version is a draft', TG_TABLE_NAME));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER passage_part_of_draft AFTER INSERT ON kb_passage REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION kb_part_of_draft();
CREATE TRIGGER carried_part_of_draft AFTER INSERT ON kb_carriedfact REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION kb_part_of_draft();
CREATE TRIGGER pinned_part_of_draft AFTER INSERT ON kb_pinnedfact REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION kb_part_of_draft();

CREATE FUNCTION kb_passage_digest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.digest := kb_sha256(jsonb_build_array(
        NEW.headings, NEW.text, NEW.html, NEW.audience, NEW.placeholder)::text);
    RETURN NEW;
END $$;
CREATE TRIGGER passage_digest BEFORE INSERT ON kb_passage
    FOR EACH ROW EXECUTE FUNCTION kb_passage_digest();
CREATE INDEX passage_words ON kb_passage USING gin (to_tsvector('english', text));

CREATE FUNCTION kb_article_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.slug, NEW.source, NEW.external_id, NEW.created_at) IS DISTINCT FROM
       (OLD.id, OLD.slug, OLD.source, OLD.external_id, OLD.created_at) THEN
        PERFORM kb_refuse('identity_is_fixed', 'an article''s identity can''t change');
    END IF;
    IF NEW.journey_id IS DISTINCT FROM OLD.journey_id AND EXISTS (
        SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.journey_id = OLD.journey_id) THEN
        PERFORM kb_refuse('on_hold', 'an article can''t leave a journey that is on hold');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER article_guard BEFORE UPDATE ON kb_article
    FOR EACH ROW EXECUTE FUNCTION kb_article_guard();
