-- Answers that outlive their requests: who makes one, until when that is believed, and what came of it.
-- Times are milliseconds since 1970, by the database's clock.
CREATE TABLE answers (
    id          UUID   NOT NULL PRIMARY KEY,
    tenant      TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('running', 'succeeded', 'failed')),
    -- While it runs: whoever writes must have the token, and is taken for dead after the lease.
    lease_token UUID,
    lease_until BIGINT,
    -- JSON: the answer, or the problem that it failed with.
    result      TEXT,
    created_at  BIGINT NOT NULL,
    finished_at BIGINT
);

CREATE UNIQUE INDEX answers_by_lease_token ON answers (lease_token) WHERE lease_token IS NOT NULL;
CREATE INDEX answers_by_lease ON answers (lease_until) WHERE state = 'running';
CREATE INDEX answers_by_end ON answers (finished_at) WHERE finished_at IS NOT NULL;

-- What a reader of an answer is sent, in the order of the numbers: 1, 2, 3 and so on.
CREATE TABLE answer_events (
    answer UUID   NOT NULL REFERENCES answers (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    name   TEXT   NOT NULL,
    data   TEXT   NOT NULL,
    PRIMARY KEY (answer, number)
);
