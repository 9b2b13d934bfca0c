-- The news of a job that may be claimed, in the transaction that says so. It is news and no more: whoever misses it
-- finds the row.
CREATE TRIGGER tell_of_new_jobs AFTER INSERT ON jobs
WHEN NEW.state = 'queued' AND NEW.run_at <= NEW.created_at
BEGIN
    INSERT INTO outbox (id, topic, body, created_at)
    VALUES (lower(hex(NEW.id)) || '.' || NEW.version, 'jobs.' || NEW.kind, '', CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

-- Given back by a worker that leaves, taken from one that died, or queued again by hand; one that failed is due later.
CREATE TRIGGER tell_of_jobs_again AFTER UPDATE OF state ON jobs
WHEN NEW.state = 'queued' AND OLD.state <> 'queued' AND NEW.run_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER)
BEGIN
    INSERT INTO outbox (id, topic, body, created_at)
    VALUES (lower(hex(NEW.id)) || '.' || NEW.version, 'jobs.' || NEW.kind, '', CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
