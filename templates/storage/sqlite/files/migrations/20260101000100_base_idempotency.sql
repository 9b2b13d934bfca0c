-- A key without a status is claimed: its request still runs, or died and frees it at lease_until.
-- Times are milliseconds since 1970, by the database's clock.
CREATE TABLE idempotency_keys (
    scope       BLOB    NOT NULL PRIMARY KEY,
    fingerprint BLOB    NOT NULL,
    token       BLOB    NOT NULL,
    lease_until INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    request_id  TEXT    NOT NULL,
    status      INTEGER,
    headers     TEXT,
    body        BLOB
) STRICT;

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
