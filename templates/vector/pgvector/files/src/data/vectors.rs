//! Chunks of documents and their embeddings, as rows. A search looks only for rows of one tenant and one model: it
//! compares all of those, or, where they are many, those that an index has for the nearest
//! (`migrations/20260101000600_vector_chunks.sql`).

mod row;

use uuid::Uuid;

pub use self::row::{Chunk, Near, Owned, Space, Which, job_key};
use super::{connection::Connection, error::Error};

/// `$1`: all of them. `$2`, `$3`: the model. `$4`: those that have a job too.
macro_rules! wanting {
    () => {
        "($1 OR NOT EXISTS (SELECT 1 FROM chunks WHERE document = documents.id AND ordinal = 0
            AND model = $2 AND dimensions = $3))
         AND ($4 OR REPLACE(CAST(id AS TEXT), '-', '') NOT IN (SELECT dedupe_key FROM jobs
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
    // The distance of an embedding of zeros is no number, and comes after all others.
    let statement = sqlx::query_as(
        "SELECT near.document, near.version, documents.title, near.text, near.distance
         FROM nearest_chunks($1, $2, $3, CAST($4 AS VECTOR), $5) AS near
            JOIN documents ON documents.id = near.document AND documents.tenant = $1
         WHERE near.distance <= $6
         ORDER BY near.distance",
    )
    .bind(tenant)
    .bind(space.model)
    .bind(i64::from(space.dimensions))
    .bind(question)
    .bind(i64::from(limit))
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
    // First the document, as whoever changes it does: two who lock in one order cannot wait for each other. Whoever replaces
    // it waits for these chunks, and removes them.
    let lock = sqlx::query_as(
        "SELECT version FROM documents WHERE tenant = $1 AND id = $2 AND version = $3 FOR SHARE",
    );
    let lock = lock.bind(tenant).bind(document).bind(version);
    let current: Option<(i64,)> = connection.optional(lock).await?;
    if current.is_none() {
        return Ok(false);
    }
    remove(connection, tenant, document).await?;
    let texts: Vec<&str> = chunks.iter().map(|chunk| chunk.text).collect();
    let numbers = chunks.iter().flat_map(|chunk| &chunk.embedding);
    let numbers: Vec<f32> = numbers.copied().collect();
    let statement = sqlx::query(
        "INSERT INTO chunks
            (document, ordinal, tenant, version, model, dimensions, embedding, text)
         SELECT $6, chunk.number - 1, $5, $7, $1, $2,
            CAST(($3)[(chunk.number - 1) * $2 + 1 : chunk.number * $2] AS VECTOR), chunk.text
         FROM UNNEST($4) WITH ORDINALITY AS chunk (text, number)",
    )
    .bind(space.model)
    .bind(i64::from(space.dimensions))
    .bind(numbers)
    .bind(texts)
    .bind(tenant)
    .bind(document)
    .bind(version);
    Ok(connection.execute(statement).await? > 0)
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
    .bind(i64::from(space.dimensions))
    .bind(which != Which::Forgotten)
    .bind(after)
    .bind(i64::from(limit));
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
            .bind(i64::from(space.dimensions))
            .bind(which != Which::Forgotten);
    connection.scalar(statement).await
}
