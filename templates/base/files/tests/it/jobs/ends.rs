//! What becomes of a job whose attempt failed, or whose worker did.

use std::time::Duration;

use service::data::jobs::{self, Lease, State, desk};

use super::Table;

#[tokio::test]
async fn a_failure_waits_and_comes_back_until_the_attempts_are_used() {
    let table = Table::start().await;
    let id = table.add(|_| ()).await;
    for attempt in 1..=3 {
        let (lease, claimed) = table.claim().await.expect("a job");
        assert_eq!(claimed.attempts, attempt);
        let mut connection = table.connection().await;
        let hour = Duration::from_secs(3600);
        let delay = if attempt == 1 { hour } else { Duration::ZERO };
        let became = jobs::fail(&mut connection, lease, "no luck", delay).await;
        let expected = if attempt == 3 {
            State::Dead
        } else {
            State::Queued
        };
        assert_eq!(became.expect("an answer"), Some(expected));
        drop(connection);
        if attempt == 1 {
            assert!(table.claim().await.is_none(), "the backoff is in the row");
            let now = sqlx::query("UPDATE jobs SET run_at = 0, rank = 0");
            let mut connection = table.connection().await;
            connection.execute(now).await.expect("a change");
        }
    }
    let job = table.job(id).await;
    assert_eq!((job.state, job.attempts), (State::Dead, 3));
    assert_eq!(job.last_error.as_deref(), Some("no luck"));
    assert!(job.finished_at.is_some());
    assert!(table.claim().await.is_none());
}

#[tokio::test]
async fn a_worker_that_dies_costs_an_attempt_and_the_last_one_is_the_end() {
    let table = Table::start().await;
    let id = table.add(|job| job.max_attempts = 2).await;
    table.claim().await.expect("a job");
    assert!(
        jobs::reap(&mut table.connection().await, 9)
            .await
            .expect("an answer")
            .is_empty()
    );
    assert_eq!(table.end_lease(id).await, [State::Queued]);
    table.claim().await.expect("a job");
    assert_eq!(table.end_lease(id).await, [State::Dead]);
    let job = table.job(id).await;
    assert_eq!((job.state, job.attempts), (State::Dead, 2));
    assert!(
        job.last_error
            .is_some_and(|error| error.contains("worker died"))
    );
}

#[tokio::test]
async fn who_lost_the_lease_changes_nothing() {
    let table = Table::start().await;
    let id = table.add(|_| ()).await;
    let (zombie, _) = table.claim().await.expect("a job");
    table.end_lease(id).await;
    let (owner, _) = table.claim().await.expect("a job");
    let before = table.job(id).await;
    let mut connection = table.connection().await;
    let connection = &mut connection;
    assert!(
        !jobs::renew(connection, zombie, Duration::MAX)
            .await
            .expect("an answer")
    );
    assert_eq!(
        jobs::look(connection, zombie).await.expect("an answer"),
        None
    );
    assert!(
        !jobs::progress(connection, zombie, 50)
            .await
            .expect("an answer")
    );
    assert!(
        !jobs::succeed(connection, zombie, "1")
            .await
            .expect("an answer")
    );
    let failed = jobs::fail(connection, zombie, "no", Duration::ZERO).await;
    assert_eq!(failed.expect("an answer"), None);
    let ended = jobs::end(connection, zombie, State::Dead, None).await;
    assert_eq!(ended.expect("an answer"), None);
    let given = jobs::give_back(connection, zombie).await;
    assert_eq!(given.expect("an answer"), None);
    let found = service::data::jobs::desk::inspect(connection, id).await;
    assert_eq!(found.expect("an answer").expect("a job").0, before);
    assert!(
        jobs::succeed(connection, owner, "2")
            .await
            .expect("an answer")
    );
}

#[tokio::test]
async fn what_is_given_back_has_lost_no_attempt() {
    let table = Table::start().await;
    let id = table.add(|_| ()).await;
    let (lease, _) = table.claim().await.expect("a job");
    let given = jobs::give_back(&mut table.connection().await, lease).await;
    assert_eq!(given.expect("an answer"), Some(State::Queued));
    let job = table.job(id).await;
    assert_eq!((job.state, job.attempts), (State::Queued, 0));
    let (_, again) = table.claim().await.expect("it is due at once");
    assert_eq!(again.attempts, 1);
}

/// Whatever ends the attempt, a job that nobody wants does not come back.
#[tokio::test]
async fn a_cancelled_job_is_not_tried_again() {
    let table = Table::start().await;
    for end in ["failure", "death", "leave", "crash"] {
        let id = table.add(|_| ()).await;
        let (lease, _) = table.claim().await.expect("a job");
        let told = desk::cancel(&mut table.connection().await, "a", id).await;
        assert!(told.expect("an answer"));
        let became = match end {
            "crash" => table.end_lease(id).await.pop(),
            end => ends_with(&table, lease, end).await,
        };
        assert_eq!(became, Some(State::Cancelled), "{end}");
        let job = table.job(id).await;
        assert_eq!(job.state, State::Cancelled, "{end}");
        assert!(job.finished_at.is_some(), "{end}");
    }
    assert!(table.claim().await.is_none());
}

async fn ends_with(table: &Table, lease: Lease, end: &str) -> Option<State> {
    let mut connection = table.connection().await;
    let became = match end {
        "failure" => jobs::fail(&mut connection, lease, "no", Duration::ZERO).await,
        "death" => jobs::end(&mut connection, lease, State::Dead, Some("no")).await,
        _ => jobs::give_back(&mut connection, lease).await,
    };
    became.expect("an answer")
}
