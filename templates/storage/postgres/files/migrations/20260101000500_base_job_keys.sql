-- Jobs that share a key, such as the deliveries to one endpoint: only so many of them run at once.
ALTER TABLE jobs ADD COLUMN concurrency_key UUID;

DROP INDEX jobs_by_rank;
-- All that decides whether a job is due, so that many which must wait are passed quickly.
CREATE INDEX jobs_by_rank ON jobs (kind, rank, run_at, concurrency_key) WHERE state = 'queued';
CREATE INDEX jobs_by_concurrency_key ON jobs (kind, concurrency_key)
    WHERE state = 'running' AND concurrency_key IS NOT NULL;

-- Keys whose jobs failed one after the other, and are left alone for a while.
-- Times are milliseconds since 1970, by the database's clock.
CREATE TABLE job_rests (
    kind            TEXT   NOT NULL,
    concurrency_key UUID   NOT NULL,
    -- One after the other, none of them while it rested.
    failures        BIGINT NOT NULL,
    rests_until     BIGINT NOT NULL,
    PRIMARY KEY (kind, concurrency_key)
);
