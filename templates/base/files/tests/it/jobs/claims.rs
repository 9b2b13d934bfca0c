//! Who gets which job, and when.

use std::{collections::HashSet, time::Duration};

use service::data::jobs::{self, State};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{KIND, LEASE, Table, connection};

#[tokio::test]
async fn sixteen_workers_claim_each_job_once() {
    let table = Table::start().await;
    let mut added = HashSet::new();
    for _ in 0..100 {
        added.insert(table.add(|_| ()).await);
    }
    let mut workers = JoinSet::new();
    for _ in 0..16 {
        let database = table.0.app.database.clone();
        workers.spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let mut connection = connection(&database).await;
                let claim = jobs::claim(&mut connection, KIND, Uuid::now_v7(), LEASE).await;
                match claim.expect("an answer") {
                    Some(job) => claimed.push(job.id),
                    None => return claimed,
                }
            }
        });
    }
    let claimed = workers.join_all().await.concat();
    assert_eq!(claimed.len(), added.len(), "none twice");
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), added);
}

#[tokio::test]
async fn a_delayed_job_is_not_due_before() {
    let table = Table::start().await;
    let later = table.add(|job| job.delay = Duration::from_secs(3600)).await;
    assert!(table.claim().await.is_none());
    let mut connection = table.connection().await;
    assert!(
        !jobs::is_due(&mut connection, KIND)
            .await
            .expect("an answer")
    );
    drop(connection);
    let now = table.add(|_| ()).await;
    assert_eq!(table.claim().await.map(|(lease, _)| lease.id), Some(now));
    assert_eq!(table.job(later).await.state, State::Queued);
}

#[tokio::test]
async fn higher_priority_comes_first_until_the_others_have_waited_long() {
    let table = Table::start().await;
    let patient = table.add(|_| ()).await;
    let waited = "UPDATE jobs SET run_at = run_at - 1000000, rank = rank - 1000000";
    let mut connection = table.connection().await;
    connection
        .execute(sqlx::query(waited))
        .await
        .expect("a change");
    drop(connection);
    let usual = table.add(|_| ()).await;
    let urgent = table.add(|job| job.priority = 5).await;
    let mut order = Vec::new();
    while let Some((lease, _)) = table.claim().await {
        order.push(lease.id);
    }
    assert_eq!(order, [patient, urgent, usual]);
}

#[tokio::test]
async fn one_key_is_one_job_until_it_has_ended() {
    let table = Table::start().await;
    let keyed = async |key| table.add(|job| job.dedupe_key = Some(key)).await;
    let first = keyed("k").await;
    assert_eq!(keyed("k").await, first);
    assert_ne!(keyed("other").await, first);
    let (lease, _) = table.claim().await.expect("a job");
    assert_eq!(lease.id, first);
    assert_eq!(keyed("k").await, first, "it runs");
    let ended = jobs::succeed(&mut table.connection().await, lease, "null").await;
    assert!(ended.expect("an answer"));
    assert_ne!(keyed("k").await, first);
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_adds_nothing() {
    let table = Table::start().await;
    let deadline = service::edge::deadline::Deadline::after(LEASE);
    let meter = service::data::meter::Meter::default();
    let begun = table.0.app.database.begin(deadline, &meter).await;
    let mut transaction = begun.expect("a transaction");
    let job = jobs::NewJob {
        id: Uuid::now_v7(),
        tenant: "a",
        kind: KIND,
        payload: "{}",
        priority: 0,
        delay: Duration::ZERO,
        max_attempts: 1,
        dedupe_key: None,
        traceparent: None,
    };
    jobs::insert(&mut transaction, &job).await.expect("a job");
    drop(transaction);
    assert!(table.claim().await.is_none());
}
