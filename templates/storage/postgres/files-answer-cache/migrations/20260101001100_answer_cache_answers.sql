-- Answers that are given again. Times are milliseconds since 1970, by the database's clock.
CREATE TABLE answer_cache (
    -- In the order in which they were kept.
    id            UUID   NOT NULL PRIMARY KEY,
    tenant        TEXT   NOT NULL,
    -- Digests: of everything that changes an answer but the question, and of the question.
    scope         BYTEA  NOT NULL,
    question      BYTEA  NOT NULL,
    model         TEXT   NOT NULL,
    text          TEXT   NOT NULL,
    finish_reason TEXT,
    expires_at    BIGINT NOT NULL
);

CREATE UNIQUE INDEX answer_cache_by_question ON answer_cache (scope, question);
CREATE INDEX answer_cache_by_tenant ON answer_cache (tenant, id);
CREATE INDEX answer_cache_by_expiry ON answer_cache (expires_at);
