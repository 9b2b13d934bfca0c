//! Many jobs, and workers that are killed at random moments: no job is lost, and none takes effect twice.
//!
//! `TEST_JOBS=10000 cargo test --test it jobs::endurance` takes its time.

use std::time::Duration;

use service::{
    app::{context::Context, state::App},
    data::jobs::{self, NewJob},
    edge::deadline::Deadline,
};
use temp_dir::TempDir;
use tokio::{task::block_in_place, time::sleep};
use uuid::Uuid;

use super::{TENANT, beside, connection, report};
use crate::support::{Process, database, eventually, size};

const WORKERS: usize = 3;

const VARIABLES: [(&str, &str); 2] = [
    ("APP__JOBS__LEASE", "2s"),
    ("APP__JOBS__POLL_INTERVAL", "200ms"),
];

/// The longest that all workers live together.
const LONGEST_PEACE_MS: usize = 400;

/// More than kills can use up: a job may be unlucky often.
const ATTEMPTS: u32 = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn no_job_is_lost_and_none_takes_effect_twice() {
    let jobs = size("TEST_JOBS", 500);
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder).await;
    database::log_ends_of_jobs(&mut connection(&app.database).await).await;
    add(&app, jobs).await;
    let kills = work_and_kill(&app, &folder).await;
    assert!(kills > 0, "they were done before anybody was killed");
    let all = i64::try_from(jobs).expect("a number");
    let done = "SELECT COUNT(*) FROM jobs WHERE tenant = $1 AND state = 'succeeded'";
    assert_eq!(count(&app, done).await, all, "none is lost");
    let effects = "SELECT COUNT(*) FROM ends_of_jobs WHERE tenant = $1";
    assert_eq!(count(&app, effects).await, all, "none took effect twice");
    app.database.close().await;
}

/// Workers come and go until nothing is left to do; how many were killed.
async fn work_and_kill(app: &App, folder: &TempDir) -> usize {
    let begin = async || Process::start_as("worker", folder.path(), &VARIABLES).await;
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        workers.push(begin().await);
    }
    let waiting = "SELECT COUNT(*) FROM jobs WHERE tenant = $1 AND state = 'queued'";
    let mut kills = 0;
    while count(app, waiting).await > 0 {
        // The moment is what is tried.
        sleep(Duration::from_millis(random(LONGEST_PEACE_MS) as u64)).await;
        workers.swap_remove(random(WORKERS)).kill().await;
        workers.push(begin().await);
        kills += 1;
    }
    let open = "SELECT COUNT(*) FROM jobs WHERE tenant = $1 AND finished_at IS NULL";
    eventually("the end of all jobs", async || {
        (count(app, open).await == 0).then_some(())
    })
    .await;
    kills
}

async fn add(app: &App, jobs: usize) {
    let deadline = Deadline::after(Duration::from_secs(60));
    let mut context = Context::of_job(app, TENANT, Uuid::now_v7(), deadline);
    let mut transaction = block_in_place(|| context.begin()).expect("a transaction");
    for _ in 0..jobs {
        let job = NewJob {
            max_attempts: ATTEMPTS,
            ..report(Uuid::now_v7())
        };
        let added = jobs::insert(&mut transaction, &job).await;
        added.expect("a job");
    }
    block_in_place(|| transaction.commit()).expect("a commit");
}

async fn count(app: &App, statement: &'static str) -> i64 {
    let mut connection = connection(&app.database).await;
    let counted = connection.optional(sqlx::query_as(statement).bind(TENANT));
    let row: Option<(i64,)> = counted.await.expect("an answer");
    row.expect("a row").0
}

fn random(below: usize) -> usize {
    let (_, bits) = Uuid::now_v7().as_u64_pair();
    bits as usize % below
}
