//! Who gets which job, and when.

use std::{collections::HashSet, time::Duration};

use service::data::jobs::{self, State, rests};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{KIND, LEASE, PER_KEY, Table, connection, report};

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
                let claim = jobs::claim(&mut connection, KIND, None, Uuid::now_v7(), LEASE).await;
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
        !jobs::is_due(&mut connection, KIND, None)
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
async fn of_those_that_share_a_key_only_so_many_run_at_once() {
    let table = Table::start().await;
    let keyed = async |key| table.add(|job| job.concurrency_key = Some(key)).await;
    let (slow, quick) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let [first, second, third] = [keyed(slow).await, keyed(slow).await, keyed(slow).await];
    let (other, none) = (keyed(quick).await, table.add(|_| ()).await);
    let mut running = Vec::new();
    while let Some((lease, _)) = table.claim().await {
        running.push(lease);
    }
    let claimed: HashSet<Uuid> = running.iter().map(|lease| lease.id).collect();
    assert_eq!(claimed, HashSet::from([first, second, other, none]));
    let mut connection = table.connection().await;
    let is_due = jobs::is_due(&mut connection, KIND, Some(PER_KEY)).await;
    assert!(!is_due.expect("an answer"));

    let of_first = running.iter().find(|lease| lease.id == first);
    let ended = jobs::succeed(&mut connection, *of_first.expect("it runs"), "null").await;
    assert!(ended.expect("an answer"));
    drop(connection);
    let next = table.claim().await.expect("a job");
    assert_eq!(next.0.id, third);
}

#[tokio::test]
async fn what_rests_is_claimed_when_its_rest_is_over() {
    let table = Table::start().await;
    let key = Uuid::from_u128(1);
    let job = table.add(|job| job.concurrency_key = Some(key)).await;
    let mut connection = table.connection().await;
    for failures in 1..=2 {
        let failed = rests::failed(&mut connection, KIND, key).await;
        assert_eq!(failed.expect("an answer"), failures);
    }
    let rest = rests::begin(&mut connection, KIND, key, LEASE).await;
    rest.expect("a rest");
    // What was under way by then says nothing new, and a shorter rest changes nothing.
    let failed = rests::failed(&mut connection, KIND, key).await;
    assert_eq!(failed.expect("an answer"), 2);
    let rest = rests::begin(&mut connection, KIND, key, Duration::ZERO).await;
    rest.expect("a rest");
    drop(connection);
    assert!(table.claim().await.is_none());

    let over = sqlx::query("UPDATE job_rests SET rests_until = rests_until - 3600000");
    let mut connection = table.connection().await;
    connection.execute(over).await.expect("a change");
    drop(connection);
    let (lease, _) = table.claim().await.expect("it is over");
    assert_eq!(lease.id, job);
    let mut connection = table.connection().await;
    let failed = rests::failed(&mut connection, KIND, key).await;
    assert_eq!(failed.expect("an answer"), 3);
    let rest = rests::begin(&mut connection, KIND, key, LEASE).await;
    rest.expect("a rest");
    let worked = rests::worked(&mut connection, KIND, key).await;
    worked.expect("an answer");
    let failed = rests::failed(&mut connection, KIND, key).await;
    assert_eq!(failed.expect("an answer"), 0, "it still rests");
    rests::end(&mut connection, KIND, key)
        .await
        .expect("an end");
    let failed = rests::failed(&mut connection, KIND, key).await;
    assert_eq!(failed.expect("an answer"), 1, "all is forgotten");
    let purged = rests::purge(&mut connection, LEASE).await;
    assert_eq!(purged.expect("an answer"), 0);
    let purged = rests::purge(&mut connection, Duration::ZERO).await;
    assert_eq!(purged.expect("an answer"), 1);
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_adds_nothing() {
    let table = Table::start().await;
    let deadline = service::edge::deadline::Deadline::after(LEASE);
    let meter = service::data::meter::Meter::default();
    let begun = table.0.app.database.begin(deadline, &meter).await;
    let mut transaction = begun.expect("a transaction");
    let job = report(Uuid::now_v7());
    jobs::insert(&mut transaction, &job).await.expect("a job");
    drop(transaction);
    assert!(table.claim().await.is_none());
}
