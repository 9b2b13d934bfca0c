//! What operators and the clock do to jobs.

use std::time::Duration;

use service::{
    app::context::Context,
    data::jobs::{self, State, desk},
    edge::deadline::Deadline,
    maintenance,
};
use temp_dir::TempDir;
use tokio::task::block_in_place;
use uuid::Uuid;

use super::Table;
use crate::support::process::run;

async fn dead(table: &Table, key: &'static str) -> Uuid {
    let id = table.add(|job| job.dedupe_key = Some(key)).await;
    let (lease, _) = table.claim().await.expect("a job");
    let mut connection = table.connection().await;
    let ended = jobs::end(&mut connection, lease, State::Dead, Some("no luck")).await;
    assert_eq!(ended.expect("an answer"), Some(State::Dead));
    id
}

#[tokio::test(flavor = "multi_thread")]
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

#[tokio::test(flavor = "multi_thread")]
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

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_inspects_redrives_and_discards() {
    let folder = TempDir::new().expect("a folder");
    let ask = async |arguments: &[&str]| {
        let done = run(folder.path(), &[], arguments).await;
        let said = String::from_utf8([done.stdout, done.stderr].concat()).expect("text");
        (done.status.code(), said)
    };
    assert_eq!(ask(&["migrate"]).await.0, Some(0));
    assert_eq!(ask(&["jobs", "list"]).await, (Some(0), String::new()));
    let nobody = Uuid::now_v7().to_string();
    let (code, said) = ask(&["jobs", "inspect", &nobody]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains(&nobody), "{said}");
    let (code, said) = ask(&["jobs", "redrive", "--all"]).await;
    assert_eq!((code, said.as_str()), (Some(0), "0 queued again\n"));
    let (code, said) = ask(&["jobs", "discard", "--all"]).await;
    assert_eq!((code, said.as_str()), (Some(0), "0 removed\n"));
    assert_eq!(
        ask(&["jobs", "discard"]).await.0,
        Some(2),
        "neither an id nor --all"
    );
    let (code, said) = ask(&["jobs", "list", "--state", "deed"]).await;
    assert_eq!(code, Some(2));
    assert!(
        said.contains("queued, running, succeeded, dead, cancelled"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
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
        block_in_place(|| maintenance::purge_jobs(&mut context)).expect("an answer")
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
