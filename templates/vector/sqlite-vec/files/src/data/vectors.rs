//! Chunks of documents and their embeddings, as rows. A search looks only at the rows of one tenant and one
//! model, and at all of those, so what it finds is exactly what is nearest.

pub mod extension;
mod row;

use uuid::Uuid;

pub use self::row::{Chunk, Near, Owned, Space, Which, job_key};
use super::{connection::Connection, error::Error};

/// `$1`: all of them. `$2`, `$3`: the model. `$4`: those that have a job too.
macro_rules! wanting {
    () => {
        "($1 OR NOT EXISTS (SELECT 1 FROM chunks WHERE document = documents.id AND ordinal = 0
            AND model = $2 AND dimensions = $3))
         AND ($4 OR LOWER(HEX(id)) NOT IN (SELECT dedupe_key FROM jobs
            WHERE state IN ('queued', 'running', 'dead') AND kind = 'embed' AND dedupe_key IS NOT NULL))"
    };
}

/// The tenant's chunks that are nearest to `question`, the nearest first: up to `limit`, none farther away than
/// `longest`.
pub async fn nearest(
    connection: &mut Connection,
    tenant: &str,
    space: Space<'_>,
    question: &[f32],
    limit: u32,
    longest: f64,
) -> Result<Vec<Near>, Error> {
    // Without `MATERIALIZED` the distance might be computed twice for each row. That of an embedding of zeros is
    // null.
    let statement = sqlx::query_as(
        "WITH nearest AS MATERIALIZED
            (SELECT rowid AS chunk, vec_distance_cosine(embedding, $1) AS distance FROM chunks
             WHERE tenant = $2 AND model = $3 AND dimensions = $4
             ORDER BY distance NULLS LAST LIMIT $5)
         SELECT chunks.document, chunks.version, documents.title, chunks.text, nearest.distance
         FROM nearest
            JOIN chunks ON chunks.rowid = nearest.chunk
            JOIN documents ON documents.id = chunks.document AND documents.tenant = $2
         WHERE nearest.distance <= $6
         ORDER BY nearest.distance",
    )
    .bind(bytes(question))
    .bind(tenant)
    .bind(space.model)
    .bind(space.dimensions)
    .bind(limit)
    .bind(longest);
    connection.all(statement).await
}

/// Puts the chunks of a version of a document in place of what was there, in the caller's transaction. False
/// when this is not the current version any more: then nothing of the transaction may be kept.
pub async fn store(
    connection: &mut Connection,
    tenant: &str,
    (document, version): (Uuid, i64),
    space: Space<'_>,
    chunks: &[Chunk<'_>],
) -> Result<bool, Error> {
    remove(connection, tenant, document).await?;
    for (ordinal, chunk) in (0_i64..).zip(chunks) {
        let statement = sqlx::query(
            "INSERT INTO chunks
                (document, ordinal, tenant, version, model, dimensions, embedding, text)
             SELECT id, $1, tenant, version, $2, $3, $4, $5
             FROM documents WHERE tenant = $6 AND id = $7 AND version = $8",
        )
        .bind(ordinal)
        .bind(space.model)
        .bind(space.dimensions)
        .bind(bytes(&chunk.embedding))
        .bind(chunk.text)
        .bind(tenant)
        .bind(document)
        .bind(version);
        if connection.execute(statement).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes the chunks of a document.
pub async fn remove(
    connection: &mut Connection,
    tenant: &str,
    document: Uuid,
) -> Result<(), Error> {
    let statement = sqlx::query("DELETE FROM chunks WHERE document = $1 AND tenant = $2")
        .bind(document)
        .bind(tenant);
    connection.execute(statement).await.map(drop)
}

/// Up to `limit` documents of all tenants after `after` that want to be embedded.
pub async fn wanting(
    connection: &mut Connection,
    space: Space<'_>,
    which: Which,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Owned>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT id, tenant FROM documents WHERE ",
        wanting!(),
        " AND id > $5 ORDER BY id LIMIT $6"
    ))
    .bind(which == Which::All)
    .bind(space.model)
    .bind(space.dimensions)
    .bind(which != Which::Forgotten)
    .bind(after)
    .bind(limit);
    connection.all(statement).await
}

/// How many they are.
pub async fn count_wanting(
    connection: &mut Connection,
    space: Space<'_>,
    which: Which,
) -> Result<i64, Error> {
    let statement =
        sqlx::query_scalar(concat!("SELECT COUNT(*) FROM documents WHERE ", wanting!()))
            .bind(which == Which::All)
            .bind(space.model)
            .bind(space.dimensions)
            .bind(which != Which::Forgotten);
    connection.scalar(statement).await
}

/// As sqlite-vec reads them.
fn bytes(embedding: &[f32]) -> Vec<u8> {
    embedding
        .iter()
        .flat_map(|number| number.to_ne_bytes())
        .collect()
}
