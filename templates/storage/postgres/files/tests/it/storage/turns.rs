//! Workers that claim jobs do not wait for each other, but for those of jobs which share a key: each of them sees what those
//! before have claimed.

use std::time::Duration;

use service::{
    app::state::App,
    data::{
        connection::Connection,
        database::Database,
        jobs::{self, Claimed, Lease},
        meter::Meter,
    },
    edge::deadline::Deadline,
};
use uuid::Uuid;

use super::{KIND, PATIENCE, begin, execute, new_job, write};
use crate::support::{Server, eventually};

async fn begin_alone(database: &Database) -> Connection {
    let (deadline, meter) = (Deadline::after(PATIENCE), Meter::default());
    let begun = database.begin_alone(KIND, deadline, &meter).await;
    begun.expect("a transaction")
}

/// So many at a time of those that share a key.
async fn claim(connection: &mut Connection, per_key: Option<u32>) -> Option<Claimed> {
    let lease = Duration::from_secs(60);
    let claimed = jobs::claim(connection, KIND, per_key, Uuid::now_v7(), lease).await;
    claimed.expect("an answer")
}

async fn add_two(app: &App, concurrency_key: Option<Uuid>) {
    for _ in 0..2 {
        let job = new_job(concurrency_key);
        assert!(jobs::add(&mut write(app).await, &job).await.expect("a job"));
    }
}

/// Waiting for the first would last until it commits, which it does not here.
#[tokio::test]
async fn one_that_another_is_about_to_claim_is_passed_over() {
    let server = Server::start().await;
    add_two(&server.app, None).await;
    let mut first = begin(&server.app).await;
    let one = claim(&mut first, None).await.expect("a job");
    let mut second = begin(&server.app).await;
    let other = claim(&mut second, None).await.expect("the other job");
    assert_ne!(one.id, other.id);
    assert!(claim(&mut write(&server.app).await, None).await.is_none());
}

/// Else what it writes down could come after what the next one has done.
#[tokio::test]
async fn whose_lease_is_over_is_not_followed_while_it_writes_down_what_it_has_done() {
    let server = Server::start().await;
    let app = &server.app;
    add_two(app, None).await;
    let token = Uuid::now_v7();
    let mut connection = write(app).await;
    let claimed = jobs::claim(&mut connection, KIND, None, token, Duration::ZERO).await;
    let claimed = claimed.expect("an answer").expect("a job");
    let lease = Lease {
        id: claimed.id,
        token,
    };
    let mut writing = begin(app).await;
    let is_held = jobs::hold(&mut writing, lease).await;
    assert!(is_held.expect("an answer"));
    let reaped = jobs::reap(&mut connection, 10).await;
    assert_eq!(reaped.expect("an answer").len(), 0);
    writing.commit().await.expect("an end");
    let reaped = jobs::reap(&mut connection, 10).await;
    assert_eq!(reaped.expect("an answer").len(), 1);
    let is_held = jobs::hold(&mut connection, lease).await;
    assert!(!is_held.expect("an answer"));
}

#[tokio::test]
async fn no_more_of_a_key_run_than_may() {
    let server = Server::start().await;
    let app = &server.app;
    add_two(app, Some(Uuid::now_v7())).await;
    let mut first = begin_alone(&app.database).await;
    assert!(claim(&mut first, Some(1)).await.is_some());
    let database = app.database.clone();
    let second =
        tokio::spawn(async move { claim(&mut begin_alone(&database).await, Some(1)).await });
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
