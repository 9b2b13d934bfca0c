-- A job's row decides: who works on it, until when, how often it was tried, and what came of it.
-- Times are milliseconds since 1970, by the database's clock.
CREATE TABLE jobs (
    id           UUID    NOT NULL PRIMARY KEY,
    tenant       TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    payload      TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'dead', 'cancelled')),
    priority     BIGINT  NOT NULL,
    run_at       BIGINT  NOT NULL,
    -- The order among those that are due: run_at, less a head start for each step of priority.
    rank         BIGINT  NOT NULL,
    attempts     BIGINT  NOT NULL DEFAULT 0,
    max_attempts BIGINT  NOT NULL,
    -- While it runs: whoever writes must have the token, and is taken for dead after the lease.
    lease_token  UUID,
    lease_until  BIGINT,
    is_cancelled BOOLEAN NOT NULL DEFAULT FALSE,
    -- Only one job with a key is queued or running.
    dedupe_key   TEXT,
    -- Grows by 1 with each change that a reader can see.
    version      BIGINT  NOT NULL DEFAULT 1,
    -- Percent.
    progress     BIGINT  NOT NULL DEFAULT 0,
    result       TEXT,
    last_error   TEXT,
    traceparent  TEXT,
    created_at   BIGINT  NOT NULL,
    started_at   BIGINT,
    finished_at  BIGINT
);

CREATE INDEX jobs_by_rank ON jobs (kind, rank) WHERE state = 'queued';
CREATE INDEX jobs_by_lease ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_by_end ON jobs (state, finished_at) WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_dedupe_key ON jobs (tenant, kind, dedupe_key)
    WHERE dedupe_key IS NOT NULL AND state IN ('queued', 'running');
