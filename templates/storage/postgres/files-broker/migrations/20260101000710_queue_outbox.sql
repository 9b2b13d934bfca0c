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
