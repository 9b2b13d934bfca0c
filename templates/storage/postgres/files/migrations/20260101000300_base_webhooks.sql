-- Where tenants want to be called back. Times are milliseconds since 1970, by the database's clock.
CREATE TABLE webhook_endpoints (
    id              UUID   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    url             TEXT   NOT NULL,
    -- Sealed with APP__WEBHOOKS__KEY.
    secret          BYTEA  NOT NULL,
    -- The one before, which signs too until then.
    previous_secret BYTEA,
    previous_until  BIGINT,
    -- Why it gets nothing.
    disabled        TEXT   CHECK (disabled IN ('gone', 'failing')),
    -- Since when it has only failed.
    failing_since   BIGINT,
    created_at      BIGINT NOT NULL
);

CREATE UNIQUE INDEX webhook_endpoints_by_url ON webhook_endpoints (tenant, url);
CREATE INDEX webhook_endpoints_by_tenant ON webhook_endpoints (tenant, id);

-- What is delivered to them. How far it is stands in the row of its job, which has the same id.
CREATE TABLE webhook_deliveries (
    id           UUID NOT NULL PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    tenant       TEXT NOT NULL,
    endpoint     UUID NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    url          TEXT NOT NULL,
    event        TEXT NOT NULL,
    -- JSON, byte for byte as it is signed.
    body         TEXT NOT NULL,
    -- Of the last attempt; no status where there was no answer.
    attempted_at BIGINT,
    status       BIGINT,
    answer       TEXT
);

CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint, id);
