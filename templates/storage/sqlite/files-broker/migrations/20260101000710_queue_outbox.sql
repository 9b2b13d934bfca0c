-- What others are to be told, until the broker has it. Times are milliseconds since 1970, by the database's clock.
CREATE TABLE outbox (
    -- The order in which it is told; no number comes twice.
    position   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL,
    topic      TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    -- Or news of a job.
    is_event   INTEGER NOT NULL DEFAULT 0,
    -- Who is telling it.
    holder     BLOB,
    -- Why the broker will never take it as it is.
    refused    TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX outbox_by_topic ON outbox (topic);
CREATE INDEX outbox_news ON outbox (position) WHERE NOT is_event;

-- What only one process does at a time, and which one that is.
CREATE TABLE turns (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     BLOB    NOT NULL,
    held_until INTEGER NOT NULL
) STRICT;

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
