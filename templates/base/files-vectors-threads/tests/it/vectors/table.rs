//! What the table promises, with embeddings of the test's own.

use std::time::Duration;

use service::data::{
    connection::Connection,
    documents::{self, Document},
    error::Error,
    vectors::{self, Chunk, Near, Space, Which},
};
use tokio::task::block_in_place;
use uuid::Uuid;

use super::connection;
use crate::support::Server;

pub(super) const SPACE: Space<'static> = Space {
    model: "one",
    dimensions: 3,
};

/// Farther than anything can be.
const ANYWHERE: f64 = 2.0;

async fn document(connection: &mut Connection, tenant: &str, title: &str) -> (Uuid, i64) {
    let document = Document {
        id: Uuid::now_v7(),
        title: title.to_owned(),
        body: "text".to_owned(),
        version: 1,
        created_at: 0,
        updated_at: 0,
    };
    let added = documents::insert(connection, tenant, &document).await;
    added.expect("a document");
    (document.id, document.version)
}

/// A document of one chunk.
pub(super) async fn stored(connection: &mut Connection, tenant: &str, embedding: &[f32]) -> Uuid {
    stored_in(connection, SPACE, tenant, embedding).await
}

async fn stored_in(
    connection: &mut Connection,
    space: Space<'_>,
    tenant: &str,
    embedding: &[f32],
) -> Uuid {
    let document = document(connection, tenant, "one").await;
    let chunk = Chunk {
        text: "text",
        embedding: embedding.to_vec(),
    };
    let stored = vectors::store(connection, tenant, document, space, &[chunk]).await;
    assert!(stored.expect("an answer"));
    document.0
}

pub(super) async fn nearest(
    connection: &mut Connection,
    question: &[f32],
    limit: u32,
) -> Vec<Near> {
    let near = vectors::nearest(connection, "a", SPACE, question, limit, ANYWHERE).await;
    near.expect("an answer")
}

pub(super) fn ids(near: &[Near]) -> Vec<Uuid> {
    near.iter().map(|near| near.document).collect()
}

/// A job that embeds the document, in any state.
async fn job(connection: &mut Connection, document: Uuid, state: &str) {
    let statement = sqlx::query(
        "INSERT INTO jobs (id, tenant, kind, payload, state, priority, run_at, rank, max_attempts,
            dedupe_key, created_at)
         VALUES ($1, 'a', 'embed', 'null', $2, 0, 0, 0, 1, $3, 0)",
    )
    .bind(Uuid::now_v7())
    .bind(state)
    .bind(vectors::job_key(document));
    let added = connection.execute(statement).await;
    assert_eq!(added.expect("a job"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_rows_of_one_tenant_and_one_model_are_compared() {
    let server = Server::start().await;
    let connection = &mut connection(&server.app).await;
    let question = [1.0, 0.0, 0.0];
    // Nearer than what is the tenant's own, and many more than are asked for.
    for _ in 0..20 {
        stored(connection, "b", &question).await;
        stored(connection, "", &question).await;
        let other = Space {
            model: "two",
            ..SPACE
        };
        stored_in(connection, other, "a", &question).await;
        let longer = Space {
            dimensions: 4,
            ..SPACE
        };
        stored_in(connection, longer, "a", &[1.0, 0.0, 0.0, 0.0]).await;
    }
    let own = stored(connection, "a", &[0.0, 1.0, 0.0]).await;
    assert_eq!(ids(&nearest(connection, &question, 5).await), [own]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_far_or_has_no_direction_is_not_found() {
    let server = Server::start().await;
    let connection = &mut connection(&server.app).await;
    for _ in 0..5 {
        stored(connection, "a", &[0.0, 0.0, 0.0]).await;
    }
    let near = stored(connection, "a", &[1.0, 0.1, 0.0]).await;
    let far = stored(connection, "a", &[0.0, 1.0, 0.0]).await;
    let question = [1.0, 0.0, 0.0];
    let found = vectors::nearest(connection, "a", SPACE, &question, 5, 0.5).await;
    assert_eq!(ids(&found.expect("an answer")), [near]);
    assert_eq!(ids(&nearest(connection, &question, 5).await), [near, far]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chunks_of_a_version_that_is_gone_are_not_stored() -> Result<(), Error> {
    let server = Server::start().await;
    let connection = &mut connection(&server.app).await;
    let (id, version) = document(connection, "a", "one").await;
    let chunk = [Chunk {
        text: "text",
        embedding: vec![1.0, 0.0, 0.0],
    }];
    for (tenant, version, is_current) in [
        ("a", version + 1, false),
        ("b", version, false),
        ("a", version, true),
    ] {
        let stored = vectors::store(connection, tenant, (id, version), SPACE, &chunk).await?;
        assert_eq!(stored, is_current, "version {version} by {tenant}");
    }
    assert_eq!(nearest(connection, &[1.0, 0.0, 0.0], 5).await.len(), 1);
    assert!(documents::remove(connection, "a", id, None).await?);
    assert!(!vectors::store(connection, "a", (id, version), SPACE, &chunk).await?);
    Ok(())
}

/// They go in the statement that deletes it, and stay where that is rolled back.
#[tokio::test(flavor = "multi_thread")]
async fn the_chunks_go_with_their_document() -> Result<(), Error> {
    let server = Server::start().await;
    let id = stored(&mut connection(&server.app).await, "a", &[1.0, 0.0, 0.0]).await;
    let count = async || {
        let mut connection = connection(&server.app).await;
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM chunks");
        connection.scalar(count).await
    };
    let deadline = service::edge::deadline::Deadline::after(Duration::from_secs(20));
    let mut context = service::app::context::Context::of_job(&server.app, "a", id, deadline);
    let mut transaction = block_in_place(|| context.begin())?;
    assert!(documents::remove(&mut transaction, "a", id, None).await?);
    drop(transaction);
    assert_eq!(count().await?, 1);
    let mut transaction = block_in_place(|| context.begin())?;
    assert!(documents::remove(&mut transaction, "a", id, None).await?);
    block_in_place(|| transaction.commit())?;
    assert_eq!(count().await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_wants_to_be_embedded_until_the_model_in_use_has_done_it() -> Result<(), Error> {
    let server = Server::start().await;
    let connection = &mut connection(&server.app).await;
    let (new, _) = document(connection, "a", "one").await;
    let old = Space {
        model: "old",
        ..SPACE
    };
    let behind = stored_in(connection, old, "b", &[1.0, 0.0, 0.0]).await;
    let done = stored(connection, "a", &[1.0, 0.0, 0.0]).await;
    for (which, expected) in [
        (Which::Forgotten, vec![new, behind]),
        (Which::Missing, vec![new, behind]),
        (Which::All, vec![new, behind, done]),
    ] {
        let found = vectors::wanting(connection, SPACE, which, Uuid::nil(), 10).await?;
        let found: Vec<Uuid> = found.into_iter().map(|owned| owned.document).collect();
        assert_eq!(found, expected, "{which:?}");
        let count = vectors::count_wanting(connection, SPACE, which).await?;
        assert_eq!(count, expected.len() as i64, "{which:?}");
        let rest = vectors::wanting(connection, SPACE, which, new, 10).await?;
        assert_eq!(rest.len(), expected.len() - 1, "{which:?}");
    }
    Ok(())
}

/// A worker that starts while documents wait for their first embedding finds nothing amiss.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_has_a_job_is_not_forgotten() -> Result<(), Error> {
    let server = Server::start().await;
    let connection = &mut connection(&server.app).await;
    for (state, has_job) in [
        ("queued", true),
        ("running", true),
        ("dead", true),
        ("cancelled", false),
        ("succeeded", false),
    ] {
        let (id, _) = document(connection, "a", "one").await;
        job(connection, id, state).await;
        let forgotten = vectors::count_wanting(connection, SPACE, Which::Forgotten).await?;
        assert_eq!(forgotten, i64::from(!has_job), "{state}");
        let missing = vectors::count_wanting(connection, SPACE, Which::Missing).await?;
        assert_eq!(missing, 1, "{state}");
        assert!(documents::remove(connection, "a", id, None).await?);
    }
    Ok(())
}
