-- Times are microseconds since 1970, in UTC.
CREATE TABLE documents (
    id         UUID   NOT NULL PRIMARY KEY,
    tenant     TEXT   NOT NULL,
    title      TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX documents_by_tenant ON documents (tenant, id);
