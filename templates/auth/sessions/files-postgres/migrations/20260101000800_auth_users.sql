-- Who may log in. Times are milliseconds since 1970, by the database's clock.
CREATE TABLE users (
    id          UUID   NOT NULL PRIMARY KEY,
    -- In small letters.
    name        TEXT   NOT NULL UNIQUE,
    tenant      TEXT   NOT NULL,
    -- Separated by spaces.
    scopes      TEXT   NOT NULL,
    -- Argon2id, with its parameters and its salt.
    password    TEXT   NOT NULL,
    -- One more with each change of what a session may have been begun with.
    version     BIGINT NOT NULL,
    disabled_at BIGINT,
    created_at  BIGINT NOT NULL
);
