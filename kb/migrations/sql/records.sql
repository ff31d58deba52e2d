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
    -- Of every article that the hold is about: a fact is about the policies that state it, and a
    -- journey belongs to no owner group.
    IF EXISTS (SELECT FROM kb_article a WHERE (
            a.id = coalesce(OLD.article_id,
                (SELECT article_id FROM kb_version WHERE id = OLD.version_id))
            OR a.id IN (SELECT w.article_id FROM kb_passage p
                JOIN kb_version w ON w.id = p.version_id WHERE p.digest = OLD.passage_digest)
            OR a.id IN (SELECT w.article_id FROM kb_carriedfact c
                JOIN kb_factrevision r ON r.id = c.revision_id
                JOIN kb_version w ON w.id = c.version_id WHERE r.fact_id = OLD.fact_id))
        AND NOT EXISTS (SELECT FROM kb_rolegrant g
            WHERE g.person_id = NEW.lifted_by_id AND g.role = 'approver'
            AND (g.group_id IS NULL OR g.group_id = a.owner_group_id))) THEN
        PERFORM kb_refuse('not_permitted', 'a hold is lifted by an approver of its article');
    END IF;
    IF NEW.lifted_by_id IN (
        SELECT kb_contributors(v.id) FROM kb_version v JOIN kb_article a ON a.id = v.article_id
        WHERE v.submitted_at >= OLD.placed_at AND v.state <> 'draft' AND (
            v.article_id = coalesce(OLD.article_id,
                (SELECT article_id FROM kb_version WHERE id = OLD.version_id))
            OR a.journey_id = OLD.journey_id
            OR v.article_id IN (SELECT w.article_id FROM kb_passage p
                JOIN kb_version w ON w.id = p.version_id WHERE p.digest = OLD.passage_digest)
            OR OLD.fact_id IN (SELECT r.fact_id FROM kb_factrevision r WHERE r.id IN (
                SELECT revision_id FROM kb_carriedfact WHERE version_id = v.id
                UNION ALL SELECT revision_id FROM kb_pinnedfact WHERE version_id = v.id)))) THEN
        PERFORM kb_refuse('four_eyes', 'whoever wrote the fix can''t lift the hold');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold_guard BEFORE INSERT OR UPDATE ON kb_hold
    FOR EACH ROW EXECUTE FUNCTION kb_hold_guard();

CREATE FUNCTION kb_answer_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM kb_check_instant(NEW.served_at, 'served_at');
    IF NEW.valid_until < NEW.served_at THEN
        PERFORM kb_refuse('not_the_clock', 'an answer can''t be outdated before it is served');
    END IF;
    IF kb_audience_rank(NEW.audience) > (
        SELECT kb_audience_rank(c.audience) FROM kb_client c WHERE c.id = NEW.client_id) THEN
        PERFORM kb_refuse('out_of_audience', 'a request can''t widen its client''s audience');
    END IF;
    IF NEW.historical <> (num_nonnulls(NEW.as_of, NEW.known_at) > 0)
       OR greatest(NEW.as_of, NEW.known_at) > NEW.served_at THEN
        PERFORM kb_refuse('not_the_clock', 'only an answer about the past is historical');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER answer_guard BEFORE INSERT ON kb_answer
    FOR EACH ROW EXECUTE FUNCTION kb_answer_guard();

-- The database's own last word behind the gate: the ledger refuses to record as served what isn't
-- in force, is on hold, states a superseded fact, or isn't for this audience.
CREATE FUNCTION kb_served_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    PERFORM kb_require_read_committed();
    SELECT n.version_id INTO bad
    FROM added n
    JOIN kb_answer a ON a.id = n.answer_id
    JOIN kb_passage p ON p.id = n.passage_id
    JOIN kb_version v ON v.id = n.version_id
    JOIN kb_article t ON t.id = v.article_id
    LEFT JOIN kb_period f ON f.version_id = n.version_id
    WHERE n.served_at <> a.served_at OR p.version_id <> n.version_id
       OR v.article_id <> n.article_id OR a.served_at < kb_transaction_start()
       OR kb_audience_rank(p.audience) > kb_audience_rank(a.audience)
       OR NOT a.historical AND (
            f.id IS NULL OR NOT f.in_force @> n.served_at OR v.state <> 'published'
            OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.article_id = n.article_id)
            OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.version_id = n.version_id)
            OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.passage_digest = p.digest)
            OR EXISTS (SELECT FROM kb_hold h WHERE h.lifted_at IS NULL AND h.journey_id = t.journey_id)
            OR EXISTS (SELECT FROM kb_hold h JOIN kb_factrevision r ON r.fact_id = h.fact_id
                WHERE h.lifted_at IS NULL AND r.id IN (
                    SELECT revision_id FROM kb_pinnedfact WHERE version_id = n.version_id
                    UNION ALL SELECT revision_id FROM kb_carriedfact WHERE version_id = n.version_id))
            OR EXISTS (SELECT FROM kb_pinnedfact pin WHERE pin.version_id = n.version_id
                AND NOT EXISTS (SELECT FROM kb_factperiod g WHERE g.revision_id = pin.revision_id
                    AND tstzrange(g.starts_at, g.ends_at) @> n.served_at)))
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

-- Each row follows the one before it: the head's, or a later one of the same statement. The head
-- itself moves once a statement, since thousands of updates of one row in one transaction would each
-- have to walk past all the versions before.
CREATE FUNCTION kb_audit_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head kb_chainhead;
    last record;
BEGIN
    PERFORM kb_require_read_committed();
    PERFORM kb_check_instant(NEW.at, 'at');
    SELECT * INTO head FROM kb_chainhead WHERE id = 1 FOR UPDATE;
    SELECT id, hash INTO last FROM kb_auditevent ORDER BY id DESC LIMIT 1;
    IF last.id > head.audit_id THEN
        head.audit_id := last.id;
        head.audit_hash := last.hash;
    END IF;
    NEW.id := head.audit_id + 1;
    NEW.previous_hash := head.audit_hash;
    NEW.hash := kb_sha256(kb_field(NEW.previous_hash) || kb_field(NEW.id::text)
        || kb_field(kb_instant(NEW.at)) || kb_field(NEW.actor) || kb_field(NEW.action)
        || kb_field(NEW.subject) || kb_field(NEW.old) || kb_field(NEW.new) || kb_field(NEW.why)
        || kb_field(NEW.request_id));
    RETURN NEW;
END $$;
CREATE TRIGGER audit_chain BEFORE INSERT ON kb_auditevent
    FOR EACH ROW EXECUTE FUNCTION kb_audit_chain();

CREATE FUNCTION kb_audit_head() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE kb_chainhead SET audit_id = a.id, audit_hash = a.hash
    FROM (SELECT id, hash FROM added ORDER BY id DESC LIMIT 1) a WHERE kb_chainhead.id = 1;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_head AFTER INSERT ON kb_auditevent REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION kb_audit_head();

CREATE FUNCTION kb_change_order() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head bigint;
BEGIN
    SELECT change_cursor INTO head FROM kb_chainhead WHERE id = 1 FOR UPDATE;
    NEW.cursor := 1 + greatest(head,
        (SELECT cursor FROM kb_change ORDER BY cursor DESC LIMIT 1));
    RETURN NEW;
END $$;
CREATE TRIGGER change_order BEFORE INSERT ON kb_change
    FOR EACH ROW EXECUTE FUNCTION kb_change_order();

CREATE FUNCTION kb_change_head() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE kb_chainhead SET change_cursor = a.cursor
    FROM (SELECT max(cursor) AS cursor FROM added) a
    WHERE kb_chainhead.id = 1 AND a.cursor IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER change_head AFTER INSERT ON kb_change REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION kb_change_head();

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

-- A reference is checked with its own statement: nothing hangs on a row that is yet to come. And a
-- function finds our tables, whatever search path or temporary tables a session has.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT conrelid::regclass AS owner, conname FROM pg_constraint
               WHERE contype = 'f' AND condeferrable AND conrelid::regclass::text LIKE 'kb\_%' LOOP
        EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE', one.owner, one.conname);
    END LOOP;
    FOR one IN SELECT oid::regprocedure AS name FROM pg_proc
               WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'kb\_%'
               AND prosqlbody IS NULL LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = public, pg_temp', one.name);
    END LOOP;
END $$;
