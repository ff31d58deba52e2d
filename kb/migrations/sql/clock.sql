-- The one clock of gate, triggers and actions. Only the owner can shift it: in test databases,
-- and while the starter's past is loaded. A start-up check refuses any other shift.
CREATE TABLE kb_clock_shift (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    shift interval NOT NULL DEFAULT '0'
);
INSERT INTO kb_clock_shift DEFAULT VALUES;

CREATE FUNCTION kb_clock() RETURNS timestamptz LANGUAGE sql VOLATILE
    RETURN clock_timestamp() + (SELECT shift FROM kb_clock_shift);

CREATE FUNCTION kb_transaction_start() RETURNS timestamptz LANGUAGE sql STABLE
    RETURN now() + (SELECT shift FROM kb_clock_shift);

-- One way to say no: SQLSTATE KB001, the stable code in DETAIL, the words in the message.
CREATE FUNCTION kb_refuse(code text, words text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', words USING ERRCODE = 'KB001', DETAIL = code;
END $$;

-- A rule that looks before it writes must see what was committed under its locks; under an older
-- snapshot it would digest, approve or serve what isn't so any more.
CREATE FUNCTION kb_require_read_committed() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM kb_refuse('isolation_level', 'what is governed is written in READ COMMITTED only');
    END IF;
END $$;

-- An instant that an action recorded must lie between its transaction's start and now.
CREATE FUNCTION kb_check_instant(instant timestamptz, name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM kb_require_read_committed();
    IF instant IS NULL OR instant < kb_transaction_start() OR instant > kb_clock() THEN
        PERFORM kb_refuse('not_the_clock', format(
            '%s must be read from kb_clock() in this transaction', name));
    END IF;
END $$;

-- Rows that are never changed, removed or truncated.
CREATE FUNCTION kb_never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM kb_refuse('append_only', format('%s refuses %s', TG_TABLE_NAME, TG_OP));
    RETURN NULL;
END $$;
