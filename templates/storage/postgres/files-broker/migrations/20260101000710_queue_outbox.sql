-- What others are to be told, until the broker has it. Times are milliseconds since 1970, by the database's clock.
CREATE TABLE outbox (
    -- The order in which it is told; no number comes twice. That of one transaction may show up after a higher one of
    -- another, but not where both write to the same row before.
    position   BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         TEXT   NOT NULL,
    topic      TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    -- Or news of a job.
    is_event   BOOLEAN NOT NULL DEFAULT FALSE,
    -- Who is telling it.
    holder     UUID,
    -- Why the broker will never take it as it is.
    refused    TEXT,
    created_at BIGINT NOT NULL
);

CREATE INDEX outbox_by_topic ON outbox (topic);
CREATE INDEX outbox_news ON outbox (position) WHERE NOT is_event;

-- What only one process does at a time, and which one that is.
CREATE TABLE turns (
    name       TEXT   NOT NULL PRIMARY KEY,
    holder     UUID   NOT NULL,
    held_until BIGINT NOT NULL
);

-- The news of a job that may be claimed, in the transaction that says so. It is news and no more: whoever misses it
-- finds the row.
CREATE FUNCTION tell_of_job() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (id, topic, body, created_at)
    VALUES (NEW.id || '.' || NEW.version, 'jobs.' || NEW.kind, '',
        CAST(FLOOR(EXTRACT(EPOCH FROM statement_timestamp()) * 1000) AS BIGINT));
    RETURN NULL;
END $$;

CREATE TRIGGER tell_of_new_jobs AFTER INSERT ON jobs FOR EACH ROW
    WHEN (NEW.state = 'queued' AND NEW.run_at <= NEW.created_at)
    EXECUTE FUNCTION tell_of_job();

-- Given back by a worker that leaves, taken from one that died, or queued again by hand; one that failed is due later.
CREATE TRIGGER tell_of_jobs_again AFTER UPDATE OF state ON jobs FOR EACH ROW
    WHEN (NEW.state = 'queued' AND OLD.state <> 'queued'
        AND NEW.run_at <= EXTRACT(EPOCH FROM statement_timestamp()) * 1000)
    EXECUTE FUNCTION tell_of_job();
