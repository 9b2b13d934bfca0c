//! What operators and the clock do to jobs.

use std::time::Duration;

use service::{
    app::context::Context,
    data::jobs::{self, Lease, NewJob, State, desk},
    edge::deadline::Deadline,
    maintenance,
};
use temp_dir::TempDir;
use uuid::Uuid;

use super::{KIND, LEASE, Table, beside, connection, report};
use crate::support::process::run;

async fn dead(table: &Table, key: &'static str) -> Uuid {
    let id = table.add(|job| job.dedupe_key = Some(key)).await;
    let (lease, _) = table.claim().await.expect("a job");
    let mut connection = table.connection().await;
    let ended = jobs::end(&mut connection, lease, State::Dead, Some("no luck")).await;
    assert_eq!(ended.expect("an answer"), Some(State::Dead));
    id
}

#[tokio::test]
async fn a_dead_job_that_is_redriven_has_all_its_attempts() {
    let table = Table::start().await;
    let (one, two) = (dead(&table, "one").await, dead(&table, "two").await);
    let mut connection = table.connection().await;
    assert_eq!(
        desk::redrive(&mut connection, Some(one))
            .await
            .expect("an answer"),
        1
    );
    assert_eq!(
        desk::redrive(&mut connection, Some(one))
            .await
            .expect("an answer"),
        0
    );
    drop(connection);
    assert_eq!(table.job(two).await.state, State::Dead);
    let (lease, claimed) = table.claim().await.expect("a job");
    assert_eq!((lease.id, claimed.attempts), (one, 1));
}

#[tokio::test]
async fn a_redrive_adds_no_second_job_with_a_key() {
    let table = Table::start().await;
    let (old, new) = (dead(&table, "k").await, dead(&table, "k").await);
    let mut connection = table.connection().await;
    assert_eq!(
        desk::redrive(&mut connection, None)
            .await
            .expect("an answer"),
        1
    );
    assert_eq!(
        desk::redrive(&mut connection, Some(old))
            .await
            .expect("an answer"),
        0
    );
    drop(connection);
    assert_eq!(table.job(new).await.state, State::Queued);
    assert_eq!(table.job(old).await.state, State::Dead);
}

/// What an operator is told by the binary on this folder, and how it ended.
async fn operate(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let done = run(folder.path(), &[], &[&["jobs"], arguments].concat()).await;
    let said = String::from_utf8([done.stdout, done.stderr].concat()).expect("text");
    (done.status.code(), said)
}

#[tokio::test]
async fn the_command_line_lists_inspects_redrives_and_discards() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder).await;
    let job = NewJob {
        payload: r#"{"title":"of a dead one"}"#,
        max_attempts: 1,
        ..report(Uuid::now_v7())
    };
    let die = async || {
        let mut connection = connection(&app.database).await;
        let (id, token) = (job.id, Uuid::now_v7());
        let claimed = jobs::claim(&mut connection, KIND, None, token, LEASE).await;
        assert_eq!(claimed.expect("an answer").map(|job| job.id), Some(id));
        let failed = jobs::fail(&mut connection, Lease { id, token }, "no luck", LEASE).await;
        assert_eq!(failed.expect("an answer"), Some(State::Dead));
    };
    jobs::insert(&mut connection(&app.database).await, &job)
        .await
        .expect("a job");
    die().await;
    let id = job.id.to_string();
    let holds = |(code, said): (Option<i32>, String), words: &[&str]| {
        assert_eq!(code, Some(0), "{said}");
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
    };

    holds(
        operate(&folder, &["list"]).await,
        &[&id, KIND, "1/1", "no luck"],
    );
    let state = ["state     dead", "no luck", "of a dead one"];
    holds(operate(&folder, &["inspect", &id]).await, &state);
    holds(
        operate(&folder, &["redrive", &id]).await,
        &["1 queued again"],
    );
    assert_eq!(operate(&folder, &["list"]).await.1, "");
    let queued = operate(&folder, &["list", "--state", "queued"]).await;
    holds(queued, &[&id, "0/1"]);
    holds(operate(&folder, &["discard", &id]).await, &["0 removed"]);
    die().await;
    holds(operate(&folder, &["discard", &id]).await, &["1 removed"]);
    let (code, said) = operate(&folder, &["inspect", &id]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains(&id), "{said}");
}

#[tokio::test]
async fn the_command_line_says_what_it_does_not_understand() {
    let folder = TempDir::new().expect("a folder");
    let neither_an_id_nor_all = operate(&folder, &["discard"]).await;
    assert_eq!(neither_an_id_nor_all.0, Some(2));
    let (code, said) = operate(&folder, &["list", "--state", "deed"]).await;
    assert_eq!(code, Some(2));
    assert!(
        said.contains("queued, running, succeeded, dead, cancelled"),
        "{said}"
    );
}

#[tokio::test]
async fn what_ended_long_ago_is_removed_and_dead_ones_later() {
    let table = Table::start().await;
    let died = dead(&table, "k").await;
    let queued = table.add(|job| job.delay = Duration::from_secs(3600)).await;
    table.add(|_| ()).await;
    let (lease, _) = table.claim().await.expect("a job");
    let ended = jobs::succeed(&mut table.connection().await, lease, "null").await;
    assert!(ended.expect("an answer"));
    let purge = async || {
        let deadline = Deadline::after(Duration::from_secs(20));
        let mut context = Context::of_job(&table.0.app, "", Uuid::now_v7(), deadline);
        maintenance::purge_jobs(&mut context)
            .await
            .expect("an answer")
    };
    let age = async |days: i64| {
        let back = "UPDATE jobs SET finished_at = finished_at - $1";
        let back = sqlx::query(back).bind(days * 86_400_000);
        let mut connection = table.connection().await;
        connection.execute(back).await.expect("a change");
    };
    assert_eq!(purge().await, 0);
    age(8).await;
    assert_eq!(purge().await, 1);
    assert_eq!(table.job(died).await.state, State::Dead);
    age(28).await;
    assert_eq!(purge().await, 1);
    assert_eq!(table.job(queued).await.state, State::Queued);
}
