-- What is embedded of a document: the chunks of its current version, or none while that is still to be embedded.
-- They go with their document.
CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE chunks (
    document   UUID   NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal    BIGINT NOT NULL,
    tenant     TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    -- Embeddings of different models, or of different lengths, cannot be compared.
    model      TEXT   NOT NULL,
    dimensions BIGINT NOT NULL,
    embedding  VECTOR NOT NULL CHECK (VECTOR_DIMS(embedding) = dimensions),
    text       TEXT   NOT NULL,
    PRIMARY KEY (document, ordinal)
);

-- In the row, if it fits: a search reads it of each row that it compares.
ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE MAIN;

CREATE INDEX chunks_by_tenant ON chunks (tenant, model, dimensions);

-- For tenants of many chunks. It is of one length: embeddings of another want one of their own.
CREATE INDEX chunks_near_512 ON chunks USING hnsw ((CAST(embedding AS VECTOR(512))) vector_cosine_ops)
    WHERE dimensions = 512;

-- The chunks of a tenant that are nearest to a question. Up to `few` are all compared, so what is found is exactly what is
-- nearest. Of more the index has what is very probably nearest: it passes over chunks of others until it has enough of the
-- tenant's own, however many those are. Where it comes to its end before, all of the tenant's are compared after all.
CREATE FUNCTION nearest_chunks(
    of_tenant TEXT, of_model TEXT, of_dimensions BIGINT, question VECTOR, most BIGINT, few BIGINT DEFAULT 10000
)
RETURNS TABLE (document UUID, version BIGINT, text TEXT, distance DOUBLE PRECISION)
LANGUAGE plpgsql STABLE
-- Their order within a scan does not matter: who asks sorts them.
SET hnsw.iterative_scan = relaxed_order
SET hnsw.ef_search = 100
-- A scan that gave up earlier would take for nearest what it came by.
SET hnsw.max_scan_tuples = 2147483647
SET hnsw.scan_mem_multiplier = 16
AS $$
#variable_conflict use_column
DECLARE
    probable chunks[];
BEGIN
    PERFORM FROM chunks WHERE tenant = of_tenant AND model = of_model AND dimensions = of_dimensions
        OFFSET few LIMIT 1;
    IF FOUND THEN
        -- Of text, because the index knows only a length that is a literal.
        EXECUTE format(
            'SELECT ARRAY(SELECT chunks FROM chunks WHERE tenant = $1 AND model = $2 AND dimensions = %1$s
             ORDER BY CAST(embedding AS VECTOR(%1$s)) <=> CAST($3 AS VECTOR(%1$s)) LIMIT $4)', of_dimensions
        ) INTO probable USING of_tenant, of_model, question, most;
        IF CARDINALITY(probable) = most THEN
            RETURN QUERY SELECT chunk.document, chunk.version, chunk.text, chunk.embedding <=> question
                FROM UNNEST(probable) AS chunk;
            RETURN;
        END IF;
    END IF;
    RETURN QUERY SELECT document, version, text, embedding <=> question AS distance
        FROM chunks WHERE tenant = of_tenant AND model = of_model AND dimensions = of_dimensions
        ORDER BY distance LIMIT most;
END $$;
