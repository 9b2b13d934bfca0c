-- What is embedded of a document: the chunks of its current version, or none while that is still to be embedded.
-- They go with their document.
CREATE TABLE chunks (
    document   BLOB    NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal    INTEGER NOT NULL,
    tenant     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    -- Embeddings of different models, or of different lengths, cannot be compared.
    model      TEXT    NOT NULL,
    dimensions INTEGER NOT NULL,
    -- `dimensions` numbers of 4 bytes.
    embedding  BLOB    NOT NULL,
    text       TEXT    NOT NULL,
    PRIMARY KEY (document, ordinal)
) STRICT;

CREATE INDEX chunks_by_tenant ON chunks (tenant, model, dimensions);
