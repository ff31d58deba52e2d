-- Periods in force: no overlap, no rewritten past; and the fact periods that follow from them.

ALTER TABLE kb_period ADD COLUMN in_force tstzrange NOT NULL
    GENERATED ALWAYS AS (tstzrange(starts_at, ends_at, '[)')) STORED;
ALTER TABLE kb_period ADD CONSTRAINT period_no_overlap EXCLUDE USING gist (
    int8range(article_id, article_id, '[]') WITH &&,
    int8range(hashtextextended(lower(language), 0), hashtextextended(lower(language), 0), '[]')
        WITH &&,
    in_force WITH &&);

CREATE FUNCTION kb_period_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v kb_version;
BEGIN
    PERFORM kb_require_read_committed();
    SELECT * INTO v FROM kb_version WHERE id = NEW.version_id;
    IF (NEW.article_id, NEW.language) IS DISTINCT FROM (v.article_id, v.language) THEN
        PERFORM kb_refuse('identity_is_fixed', 'a period belongs to its version''s article');
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF v.state <> 'published' OR NOT kb_approved(v) THEN
            PERFORM kb_refuse('not_published', 'only a published version can be in force');
        END IF;
        IF NEW.starts_at <> greatest(v.published_at, v.effective_from)
           OR NEW.starts_at < kb_transaction_start() THEN
            PERFORM kb_refuse('past_is_fixed',
                'a period starts at publication or effective_from, whichever is later');
        END IF;
    ELSE
        IF (NEW.id, NEW.version_id, NEW.starts_at) IS DISTINCT FROM
           (OLD.id, OLD.version_id, OLD.starts_at) THEN
            PERFORM kb_refuse('past_is_fixed', 'a period''s start can''t move');
        END IF;
        IF NEW.ends_at IS DISTINCT FROM OLD.ends_at THEN
            IF OLD.ends_at <= kb_transaction_start() OR (OLD.ends_at <= kb_clock()
               AND (NEW.ends_at IS NULL OR NEW.ends_at > OLD.ends_at)) THEN
                PERFORM kb_refuse('past_is_fixed', 'an end that has come can''t move');
            END IF;
            IF NEW.ends_at < kb_transaction_start() THEN
                PERFORM kb_refuse('past_is_fixed', 'an end can''t move into the past');
            END IF;
            IF v.state = 'retired' AND (NEW.ends_at IS NULL OR NEW.ends_at > OLD.ends_at) THEN
                PERFORM kb_refuse('past_is_fixed', 'a retired version can''t be revived');
            END IF;
        END IF;
    END IF;
    IF v.effective_until IS NOT NULL AND (NEW.ends_at IS NULL
        OR NEW.ends_at > greatest(v.effective_until, NEW.starts_at)) THEN
        PERFORM kb_refuse('past_is_fixed', 'a period can''t outlast effective_until');
    END IF;
    RETURN NEW;
END $$;
-- Once its transaction is done, a retired version governs nothing, its facts included.
CREATE FUNCTION kb_retired_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM kb_period p WHERE p.version_id = NEW.id AND (p.ends_at IS NULL
               OR p.ends_at > greatest(NEW.decided_at, p.starts_at))) THEN
        PERFORM kb_refuse('illegal_move', 'a retired version''s period ends with it');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER retired_ends AFTER UPDATE ON kb_version
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.state = 'published' AND NEW.state = 'retired')
    EXECUTE FUNCTION kb_retired_ends();

CREATE TRIGGER period_guard BEFORE INSERT OR UPDATE ON kb_period
    FOR EACH ROW EXECUTE FUNCTION kb_period_guard();

CREATE FUNCTION kb_compatible(a jsonb, b jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN NOT EXISTS (SELECT FROM jsonb_each_text(a) x JOIN jsonb_each_text(b) y
                       ON x.key = y.key WHERE x.value <> y.value);

-- Same key, overlapping periods, different values, compatible scopes, neither strictly containing
-- the other. The lock makes two transactions that look before they write take turns.
CREATE FUNCTION kb_fact_conflict(p bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    clash record;
BEGIN
    PERFORM pg_advisory_xact_lock(7402, fact_id::int) FROM (
        SELECT DISTINCT fact_id FROM kb_factperiod WHERE period_id = p ORDER BY 1) f;
    SELECT f.key, mine.display AS one, theirs.display AS other INTO clash
    FROM kb_factperiod a
    JOIN kb_factrevision mine ON mine.id = a.revision_id
    JOIN kb_factperiod b ON b.fact_id = a.fact_id AND b.revision_id <> a.revision_id
        AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)
    JOIN kb_factrevision theirs ON theirs.id = b.revision_id
    JOIN kb_fact f ON f.id = a.fact_id
    WHERE a.period_id = p
      AND (mine.canonical, mine.comparator) <> (theirs.canonical, theirs.comparator)
      AND kb_compatible(mine.scope, theirs.scope)
      AND (mine.scope = theirs.scope
           OR NOT (mine.scope @> theirs.scope OR theirs.scope @> mine.scope))
    LIMIT 1;
    IF FOUND THEN
        PERFORM kb_refuse('fact_conflict', format(
            'fact %s would be %s and %s at the same time', clash.key, clash.one, clash.other));
    END IF;
END $$;

CREATE FUNCTION kb_period_follows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    missing text;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.ends_at IS NOT DISTINCT FROM OLD.ends_at THEN
        RETURN NULL;
    END IF;
    INSERT INTO kb_periodrecord (period_id, starts_at, ends_at, recorded_at)
    VALUES (NEW.id, NEW.starts_at, NEW.ends_at, kb_clock());
    INSERT INTO kb_factperiod (period_id, fact_id, revision_id, starts_at, ends_at)
    SELECT NEW.id, r.fact_id, r.id, s.starts_at,
           CASE WHEN NEW.ends_at IS NULL AND r.valid_until IS NULL THEN NULL
                ELSE greatest(s.starts_at, least(NEW.ends_at, r.valid_until)) END
    FROM kb_carriedfact c JOIN kb_factrevision r ON r.id = c.revision_id
    CROSS JOIN LATERAL (SELECT greatest(NEW.starts_at, r.valid_from) AS starts_at) s
    WHERE c.version_id = NEW.version_id
    ON CONFLICT (period_id, revision_id) DO UPDATE SET ends_at = excluded.ends_at;
    PERFORM kb_fact_conflict(NEW.id);
    IF TG_OP = 'INSERT' AND (NEW.ends_at IS NULL OR NEW.ends_at > NEW.starts_at) THEN
        SELECT f.key INTO missing FROM kb_pinnedfact pin
        JOIN kb_factrevision r ON r.id = pin.revision_id JOIN kb_fact f ON f.id = r.fact_id
        WHERE pin.version_id = NEW.version_id AND NOT EXISTS (
            SELECT FROM kb_factperiod g WHERE g.revision_id = pin.revision_id
            AND g.starts_at <= NEW.starts_at AND (g.ends_at IS NULL OR g.ends_at > NEW.starts_at))
        LIMIT 1;
        IF FOUND THEN
            PERFORM kb_refuse('fact_superseded', format(
                'this version renders a value of %s that doesn''t govern when it starts', missing));
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER period_follows AFTER INSERT OR UPDATE ON kb_period
    FOR EACH ROW EXECUTE FUNCTION kb_period_follows();

CREATE FUNCTION kb_revision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM kb_require_read_committed();
    PERFORM pg_advisory_xact_lock(7402, NEW.fact_id::int);
    NEW.number := 1 + coalesce(
        (SELECT max(number) FROM kb_factrevision WHERE fact_id = NEW.fact_id), 0);
    NEW.digest := kb_sha256(jsonb_build_array(
        NEW.comparator, NEW.value, NEW.unit, NEW.canonical, NEW.display, NEW.scope,
        kb_instant(NEW.valid_from), kb_instant(NEW.valid_until))::text);
    RETURN NEW;
END $$;
CREATE TRIGGER revision_guard BEFORE INSERT ON kb_factrevision
    FOR EACH ROW EXECUTE FUNCTION kb_revision_guard();
