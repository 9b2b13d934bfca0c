-- What callers spend on other people's services: a row is a reservation until it is settled. Amounts are whole
-- nano-dollars. Times are milliseconds since 1970, by the database's clock.
CREATE TABLE spend (
    id                  UUID    NOT NULL PRIMARY KEY,
    tenant              TEXT    NOT NULL,
    subject             TEXT    NOT NULL,
    route               TEXT    NOT NULL,
    -- At most while it is reserved, exactly once it is settled.
    amount              BIGINT  NOT NULL,
    is_settled          BOOLEAN NOT NULL DEFAULT FALSE,
    -- When it was settled; until then, when a reservation whose process died counts no longer.
    ends_at             BIGINT  NOT NULL,
    model               TEXT,
    input_tokens        BIGINT,
    output_tokens       BIGINT,
    cached_input_tokens BIGINT,
    -- The provider did not say what was used, because the client left or the answer broke off.
    is_estimated        BOOLEAN
);

CREATE INDEX spend_by_caller ON spend (tenant, subject, ends_at);
CREATE INDEX spend_by_end ON spend (ends_at);

-- What has been settled on a day, counted since 1970 in UTC, so that no limit needs the sum of all rows.
CREATE TABLE spend_days (
    tenant  TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    day     BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    PRIMARY KEY (tenant, subject, day)
);

CREATE INDEX spend_days_by_day ON spend_days (day);
