-- A key without a status is claimed: its request still runs, or died and frees it at lease_until.
-- Times are milliseconds since 1970, by the database's clock.
CREATE TABLE idempotency_keys (
    scope       BYTEA  NOT NULL PRIMARY KEY,
    fingerprint BYTEA  NOT NULL,
    token       UUID   NOT NULL,
    lease_until BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    request_id  TEXT   NOT NULL,
    status      INTEGER,
    headers     TEXT,
    body        BYTEA
);

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
