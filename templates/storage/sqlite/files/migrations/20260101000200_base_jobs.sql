-- A job's row decides: who works on it, until when, how often it was tried, and what came of it.
-- Times are milliseconds since 1970, by the database's clock.
CREATE TABLE jobs (
    id           BLOB    NOT NULL PRIMARY KEY,
    tenant       TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    payload      TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'dead', 'cancelled')),
    priority     INTEGER NOT NULL,
    run_at       INTEGER NOT NULL,
    -- The order among those that are due: run_at, less a head start for each step of priority.
    rank         INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    -- While it runs: whoever writes must have the token, and is taken for dead after the lease.
    lease_token  BLOB,
    lease_until  INTEGER,
    is_cancelled INTEGER NOT NULL DEFAULT 0,
    -- Only one job with a key is queued or running.
    dedupe_key   TEXT,
    -- Grows by 1 with each change that a reader can see.
    version      INTEGER NOT NULL DEFAULT 1,
    -- Percent.
    progress     INTEGER NOT NULL DEFAULT 0,
    result       TEXT,
    last_error   TEXT,
    traceparent  TEXT,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    finished_at  INTEGER
) STRICT;

CREATE INDEX jobs_by_rank ON jobs (kind, rank) WHERE state = 'queued';
CREATE INDEX jobs_by_lease ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_by_end ON jobs (state, finished_at) WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_dedupe_key ON jobs (tenant, kind, dedupe_key)
    WHERE dedupe_key IS NOT NULL AND state IN ('queued', 'running');
