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
