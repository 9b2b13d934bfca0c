//! Of a tenant with many chunks an index finds nearly all that is nearest, and nothing that is another's.

use std::time::Duration;

use service::{
    data::{connection::Connection, meter::Meter},
    edge::deadline::Deadline,
};
use uuid::Uuid;

use super::{connection, exact::random};
use crate::support::{Server, eventually};

/// Numbers of an embedding: few, so that the index is made soon.
const DIMENSIONS: u32 = 16;

/// How many are looked for.
const MOST: i64 = 10;

/// A tenant with so many chunks has few.
const FEW: i64 = 100;
const ALL: i64 = i64::MAX;

fn many(count: usize, embedding: impl Fn() -> Vec<f32>) -> Vec<Vec<f32>> {
    (0..count).map(|_| embedding()).collect()
}

/// Near to all others of its side, and far from those of the other.
fn beside(side: f32) -> Vec<f32> {
    let mut embedding = random(DIMENSIONS);
    embedding[0] = side * 1_000.0;
    embedding
}

/// Adds documents of one chunk each.
async fn fill(connection: &mut Connection, tenant: &str, embeddings: &[Vec<f32>]) {
    let documents = sqlx::query(
        "INSERT INTO documents (id, tenant, title, body, version, created_at, updated_at)
         SELECT gen_random_uuid(), $1, 'title', 'text', 1, 0, 0 FROM GENERATE_SERIES(1, $2)",
    )
    .bind(tenant)
    .bind(embeddings.len() as i64);
    connection.execute(documents).await.expect("documents");
    let chunks = sqlx::query(
        "INSERT INTO chunks (document, ordinal, tenant, version, model, dimensions, embedding, text)
         SELECT id, 0, tenant, 1, 'one', $1,
            CAST(($2)[(number - 1) * $1 + 1 : number * $1] AS VECTOR), 'text'
         FROM (SELECT id, tenant, ROW_NUMBER() OVER () AS number FROM documents WHERE tenant = $3)
            AS document",
    )
    .bind(i64::from(DIMENSIONS))
    .bind(embeddings.concat())
    .bind(tenant);
    let added = connection.execute(chunks).await.expect("chunks");
    assert_eq!(added, embeddings.len() as u64);
}

/// As docs/vectors.md has it for embeddings of a length that has none.
async fn index(connection: &mut Connection) {
    for statement in [
        "CREATE INDEX chunks_near_16 ON chunks USING hnsw ((CAST(embedding AS VECTOR(16))) vector_cosine_ops)
         WHERE dimensions = 16",
        "ANALYZE chunks",
    ] {
        let done = connection.execute(sqlx::query(statement)).await;
        done.expect("a change");
    }
}

/// The documents of the tenant `a` that are nearest, the nearest first. Up to `few` chunks are all compared.
async fn nearest(connection: &mut Connection, question: &[f32], few: i64) -> Vec<Uuid> {
    let statement = sqlx::query_as::<_, (Uuid,)>(
        "SELECT document FROM nearest_chunks('a', 'one', $1, CAST($2 AS VECTOR), $3, $4)
         ORDER BY distance",
    )
    .bind(i64::from(DIMENSIONS))
    .bind(question)
    .bind(MOST)
    .bind(few);
    let found = connection.all(statement).await.expect("an answer");
    found.into_iter().map(|(id,)| id).collect()
}

/// The same by the index, whatever it would cost to compare them all.
async fn by_index(server: &Server, question: &[f32]) -> Vec<Uuid> {
    let (deadline, meter) = (Deadline::after(Duration::from_secs(20)), Meter::default());
    let transaction = server.app.database.begin(deadline, &meter).await;
    let transaction = &mut transaction.expect("a transaction");
    let set = sqlx::query("SET LOCAL enable_sort = off");
    transaction.execute(set).await.expect("a setting");
    let found = nearest(transaction, question, FEW).await;
    let end = transaction.execute(sqlx::query("COMMIT")).await;
    end.expect("an end");
    is_used(server).await;
    found
}

/// Statistics are told a moment later.
async fn is_used(server: &Server) {
    eventually("a scan of the index", async || {
        let scans =
            "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'chunks_near_16'";
        let scans = sqlx::query_scalar::<_, i64>(scans);
        let scans = connection(&server.app).await.scalar(scans).await;
        (scans.expect("a count") > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nearly_all_that_is_nearest_is_found() {
    const QUESTIONS: usize = 30;
    let server = Server::start().await;
    let connection = &mut connection(&server.app).await;
    for tenant in ["a", "b"] {
        fill(connection, tenant, &many(2_000, || random(DIMENSIONS))).await;
    }
    index(connection).await;
    let mut hits = 0;
    for _ in 0..QUESTIONS {
        let question = random(DIMENSIONS);
        let exact = nearest(connection, &question, ALL).await;
        let found = nearest(connection, &question, FEW).await;
        assert_eq!(found.len(), exact.len());
        hits += found.iter().filter(|id| exact.contains(id)).count();
    }
    is_used(&server).await;
    let recall = hits as f64 / (QUESTIONS * MOST as usize) as f64;
    println!("recall {recall:.3}");
    assert!(recall >= 0.95, "{recall}");
}

/// All that is nearest is another's: the scan goes on.
#[tokio::test]
async fn what_is_another_s_is_passed_over() {
    let server = Server::start().await;
    let connection = &mut connection(&server.app).await;
    fill(connection, "b", &many(1_000, || beside(1.0))).await;
    fill(connection, "a", &many(200, || beside(-1.0))).await;
    index(connection).await;
    let question = beside(1.0);
    let exact = nearest(connection, &question, ALL).await;
    let found = by_index(&server, &question).await;
    let hits = found.iter().filter(|id| exact.contains(id)).count();
    assert!(hits >= 8, "{hits}");
}

/// Embeddings of zeros are in no index.
#[tokio::test]
async fn where_the_index_has_not_enough_all_of_the_tenant_are_compared() {
    let server = Server::start().await;
    let connection = &mut connection(&server.app).await;
    let zeros = || vec![0.0; DIMENSIONS as usize];
    fill(connection, "a", &many(200, zeros)).await;
    let five = sqlx::query(
        "UPDATE chunks SET embedding = CAST($1 AS VECTOR) WHERE document IN (SELECT document FROM chunks LIMIT 5)",
    );
    let changed = connection.execute(five.bind(random(DIMENSIONS))).await;
    assert_eq!(changed.expect("a change"), 5);
    index(connection).await;
    assert_eq!(
        by_index(&server, &random(DIMENSIONS)).await.len(),
        MOST as usize
    );
}
