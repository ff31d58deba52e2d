-- Holds, the ledger, the audit chain, the order of changes, and what is never removed.

ALTER TABLE kb_hold ADD CONSTRAINT hold_one_target CHECK (
    num_nonnulls(article_id, version_id, passage_digest, fact_id, journey_id) = 1);

CREATE FUNCTION kb_hold_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM kb_check_instant(NEW.placed_at, 'placed_at');
        IF NEW.lifted_at IS NOT NULL THEN
            PERFORM kb_refuse('illegal_move', 'a hold is placed before it is lifted');
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.lifted_at IS NOT NULL OR
       (NEW.id, NEW.article_id, NEW.version_id, NEW.passage_digest, NEW.fact_id, NEW.journey_id,
        NEW.reason, NEW.placed_by, NEW.placed_at) IS DISTINCT FROM
       (OLD.id, OLD.article_id, OLD.version_id, OLD.passage_digest, OLD.fact_id, OLD.journey_id,
        OLD.reason, OLD.placed_by, OLD.placed_at) THEN
        PERFORM kb_refuse('past_is_fixed', 'a hold can only be lifted, once');
    END IF;
    PERFORM kb_check_instant(NEW.lifted_at, 'lifted_at');
    IF NOT EXISTS (SELECT FROM kb_rolegrant g
                   WHERE g.person_id = NEW.lifted_by_id AND g.role = 'approver') THEN
        PERFORM kb_refuse('not_permitted', 'a hold is lifted by an approver');
    END IF;
    IF NEW.lifted_by_id IN (
        SELECT kb_contributors(v.id) FROM kb_version v
        WHERE v.submitted_at >= OLD.placed_at AND v.state <> 'draft' AND (
            v.article_id = coalesce(OLD.article_id,
                (SELECT article_id FROM kb_version WHERE id = OLD.version_id))
            OR v.article_id IN (SELECT w.article_id FROM kb_passage p
                JOIN kb_version w ON w.id = p.version_id WHERE p.digest = OLD.passage_digest)
            OR EXISTS (SELECT FROM kb_carriedfact c JOIN kb_factrevision r ON r.id = c.revision_id
                       WHERE c.version_id = v.id AND r.fact_id = OLD.fact_id))) THEN
        PERFORM kb_refuse('four_eyes', 'whoever wrote the fix can''t lift the hold');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold_guard BEFORE INSERT OR UPDATE ON kb_hold
    FOR EACH ROW EXECUTE FUNCTION kb_hold_guard();

CREATE FUNCTION kb_audience_rank(audience text) RETURNS integer LANGUAGE sql IMMUTABLE
    RETURN CASE audience WHEN 'public' THEN 0 WHEN 'agent' THEN 1 ELSE 2 END;

CREATE FUNCTION kb_answer_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM kb_check_instant(NEW.served_at, 'served_at');
    IF NEW.valid_until < NEW.served_at THEN
        PERFORM kb_refuse('not_the_clock', 'an answer can''t be outdated before it is served');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER answer_guard BEFORE INSERT ON kb_answer
    FOR EACH ROW EXECUTE FUNCTION kb_answer_guard();

-- The database's own last word behind the gate: the ledger refuses to record as served what isn't
-- in force, is on hold, or isn't for this audience.
CREATE FUNCTION kb_served_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT n.version_id INTO bad
    FROM added n
    JOIN kb_answer a ON a.id = n.answer_id
    JOIN kb_passage p ON p.id = n.passage_id
    JOIN kb_version v ON v.id = n.version_id
    LEFT JOIN kb_period f ON f.version_id = n.version_id
    WHERE n.served_at <> a.served_at OR p.version_id <> n.version_id
       OR v.article_id <> n.article_id OR a.served_at < kb_transaction_start()
       OR kb_audience_rank(p.audience) > kb_audience_rank(a.audience)
       OR NOT a.historical AND (
            f.id IS NULL OR NOT f.in_force @> n.served_at OR v.state <> 'published'
            OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.article_id = n.article_id)
            OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.version_id = n.version_id)
            OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.passage_digest = p.digest))
    LIMIT 1;
    IF FOUND THEN
        PERFORM kb_refuse('not_servable', format('version %s can''t be served', bad.version_id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER served_guard AFTER INSERT ON kb_answerpassage REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION kb_served_guard();

CREATE FUNCTION kb_content_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.answer_id <> OLD.answer_id OR NEW.retain_until <> OLD.retain_until
       OR NEW.erased_at IS NULL OR OLD.erased_at IS NOT NULL
       OR NEW.question <> '' OR NEW.turns <> '[]' OR NEW.conversation <> ''
       OR NEW.customer <> '' THEN
        PERFORM kb_refuse('append_only', 'what a customer wrote can only be erased, whole');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER content_guard BEFORE UPDATE ON kb_answercontent
    FOR EACH ROW EXECUTE FUNCTION kb_content_guard();

-- The chain: id and hashes are given here, under the head's lock. A field is length:octets, so no
-- two different rows have the same text. kb/audit.py verifies the same offline.
INSERT INTO kb_chainhead (id, audit_id, audit_hash, change_cursor) VALUES (1, 0, repeat('0', 64), 0);

CREATE FUNCTION kb_field(words text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN octet_length(words)::text || ':' || words;

CREATE FUNCTION kb_audit_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head kb_chainhead;
BEGIN
    PERFORM kb_check_instant(NEW.at, 'at');
    SELECT * INTO head FROM kb_chainhead WHERE id = 1 FOR UPDATE;
    NEW.id := head.audit_id + 1;
    NEW.previous_hash := head.audit_hash;
    NEW.hash := kb_sha256(kb_field(NEW.previous_hash) || kb_field(NEW.id::text)
        || kb_field(kb_instant(NEW.at)) || kb_field(NEW.actor) || kb_field(NEW.action)
        || kb_field(NEW.subject) || kb_field(NEW.old) || kb_field(NEW.new) || kb_field(NEW.why)
        || kb_field(NEW.request_id));
    UPDATE kb_chainhead SET audit_id = NEW.id, audit_hash = NEW.hash WHERE id = 1;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_chain BEFORE INSERT ON kb_auditevent
    FOR EACH ROW EXECUTE FUNCTION kb_audit_chain();

CREATE FUNCTION kb_change_order() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE kb_chainhead SET change_cursor = change_cursor + 1 WHERE id = 1
    RETURNING change_cursor INTO NEW.cursor;
    RETURN NEW;
END $$;
CREATE TRIGGER change_order BEFORE INSERT ON kb_change
    FOR EACH ROW EXECUTE FUNCTION kb_change_order();

ALTER TABLE kb_ratebucket SET UNLOGGED;

DO $$
DECLARE
    name text;
BEGIN
    -- Never changed.
    FOREACH name IN ARRAY ARRAY['kb_passage', 'kb_carriedfact', 'kb_pinnedfact', 'kb_review',
        'kb_factrevision', 'kb_fact', 'kb_contributor', 'kb_periodrecord', 'kb_verification',
        'kb_answer', 'kb_answerpassage', 'kb_auditevent', 'kb_change'] LOOP
        EXECUTE format('CREATE TRIGGER never_updated BEFORE UPDATE ON %I
            FOR EACH ROW EXECUTE FUNCTION kb_never()', name);
    END LOOP;
    -- Never removed.
    FOREACH name IN ARRAY ARRAY['kb_article', 'kb_version', 'kb_period', 'kb_passage',
        'kb_carriedfact', 'kb_pinnedfact', 'kb_review', 'kb_fact', 'kb_factrevision',
        'kb_factperiod', 'kb_contributor', 'kb_periodrecord', 'kb_verification', 'kb_hold',
        'kb_answer', 'kb_answerpassage', 'kb_answercontent', 'kb_auditevent', 'kb_change',
        'kb_chainhead', 'kb_changeset', 'kb_importrun', 'kb_client', 'kb_journey'] LOOP
        EXECUTE format('CREATE TRIGGER never_deleted BEFORE DELETE ON %I
            FOR EACH ROW EXECUTE FUNCTION kb_never()', name);
        EXECUTE format('CREATE TRIGGER never_truncated BEFORE TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION kb_never()', name);
    END LOOP;
END $$;
