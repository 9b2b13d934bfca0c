//! Of workers that claim jobs which share a key, each sees what those before have claimed.

use std::time::Duration;

use service::{
    data::{
        connection::Connection,
        database::Database,
        jobs::{self, Claimed, NewJob},
        meter::Meter,
    },
    edge::deadline::Deadline,
};
use uuid::Uuid;

use super::{PATIENCE, execute, write};
use crate::support::{Server, eventually};

const KIND: &str = "webhook";

async fn begin_alone(database: &Database) -> Connection {
    let (deadline, meter) = (Deadline::after(PATIENCE), Meter::default());
    let begun = database.begin_alone(KIND, deadline, &meter).await;
    begun.expect("a transaction")
}

/// One at a time of those that share a key.
async fn claim(connection: &mut Connection) -> Option<Claimed> {
    let lease = Duration::from_secs(60);
    let claimed = jobs::claim(connection, KIND, Some(1), Uuid::now_v7(), lease).await;
    claimed.expect("an answer")
}

#[tokio::test]
async fn no_more_of_a_key_run_than_may() {
    let server = Server::start().await;
    let app = &server.app;
    let key = Uuid::now_v7();
    for _ in 0..2 {
        let job = NewJob {
            id: Uuid::now_v7(),
            tenant: "a",
            kind: KIND,
            payload: "null",
            priority: 0,
            delay: Duration::ZERO,
            max_attempts: 1,
            dedupe_key: None,
            concurrency_key: Some(key),
            traceparent: None,
        };
        assert!(jobs::add(&mut write(app).await, &job).await.expect("a job"));
    }
    let mut first = begin_alone(&app.database).await;
    assert!(claim(&mut first).await.is_some());
    let database = app.database.clone();
    let second = tokio::spawn(async move { claim(&mut begin_alone(&database).await).await });
    eventually("a wait for the turn", async || {
        let waits = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let waits = sqlx::query_scalar::<_, i64>(waits);
        let waits = write(app).await.scalar(waits).await;
        (waits.expect("a count") == 1).then_some(())
    })
    .await;
    execute(&mut first, "COMMIT").await.expect("an end");
    assert!(second.await.expect("no panic").is_none());
}
