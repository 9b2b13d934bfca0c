//! Workers that die, leave, or come back from the dead.

use serde_json::json;
use temp_dir::TempDir;

use super::{KIND, ask, becomes, beside, connection, many_documents, moves, read};
use crate::support::{
    Client, Process, database, document, eventually,
    otlp::{Collector, attribute},
};

pub(super) const SHORT: [(&str, &str); 2] = [
    ("APP__JOBS__LEASE", "2s"),
    ("APP__JOBS__POLL_INTERVAL", "200ms"),
];

/// Of whoever takes over: it looks for leases that have ended every now and then, and keeps its own though the machine is
/// slow.
const HEIR: [(&str, &str); 2] = [("APP__JOBS__LEASE", "6s"), SHORT[1]];

/// A folder with so many documents that a report on them takes a while, and nothing else to do.
pub(super) async fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder).await;
    many_documents(&app).await;
    database::only_jobs_of(&mut connection(&app.database).await, KIND).await;
    app.database.close().await;
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_loses_no_job() {
    let folder = folder().await;
    let front = Process::start_as("serve", folder.path(), &SHORT).await;
    let client = front.client("a").await;
    let path = ask(&client).await;
    let first = Process::start_as("worker", folder.path(), &SHORT).await;
    moves(&client, &path).await;
    first.kill().await;
    let _second = Process::start_as("worker", folder.path(), &HEIR).await;
    let job = becomes(&client, &path, "succeeded").await;
    assert_eq!(job["attempts"], 2);
    assert_eq!(job["result"]["documents"], 10_000);
}

/// Whatever it is that kills them, it ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_workers_are_all_killed_is_dead_in_the_end() {
    const ATTEMPTS: i64 = 2;
    let folder = folder().await;
    let app = beside(&folder).await;
    let front = Process::start_as("serve", folder.path(), &SHORT).await;
    let client = front.client("a").await;
    let path = ask(&client).await;
    let few = sqlx::query("UPDATE jobs SET max_attempts = $1").bind(ATTEMPTS);
    let mut connection = connection(&app.database).await;
    connection.execute(few).await.expect("a change");
    drop(connection);
    for attempt in 1..=ATTEMPTS {
        let worker = Process::start_as("worker", folder.path(), &SHORT).await;
        eventually("its attempt", async || {
            let job = read(&client, &path).await;
            assert_ne!(job["state"], "succeeded", "it was over too soon");
            (job["state"] == "running" && job["attempts"] == attempt).then_some(())
        })
        .await;
        worker.kill().await;
    }
    let _last = Process::start_as("worker", folder.path(), &SHORT).await;
    let job = becomes(&client, &path, "dead").await;
    assert_eq!(job["attempts"], ATTEMPTS);
    let error = job["error"].as_str().expect("a reason");
    assert!(error.contains("worker died"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_leaves_gives_its_job_back() {
    let folder = folder().await;
    let front = Process::start_as("serve", folder.path(), &SHORT).await;
    let client = front.client("a").await;
    let path = ask(&client).await;
    let leaving = Process::start_as("worker", folder.path(), &HEIR).await;
    moves(&client, &path).await;
    assert_eq!(leaving.terminate().await.code(), Some(0));
    let job = read(&client, &path).await;
    assert_eq!(
        (&job["state"], &job["attempts"]),
        (&json!("queued"), &json!(0))
    );
    let _next = Process::start_as("worker", folder.path(), &HEIR).await;
    assert_eq!(becomes(&client, &path, "succeeded").await["attempts"], 1);
}

/// Whoever sleeps with a lock of the database in hand may keep everybody from writing, and that is another story.
pub(super) async fn stop_between_writes(signal: impl Fn(&str), client: &Client) {
    eventually("a stop without the lock", async || {
        signal("STOP");
        let written = client.post("/v1/documents", &document("free")).await;
        if written.status() == 201 {
            return Some(());
        }
        signal("CONT");
        None
    })
    .await;
}

/// It slept past its lease, and does not know.
#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_changes_nothing() {
    let folder = folder().await;
    let impatient = [SHORT[0], ("APP__DATABASE__ACQUIRE_TIMEOUT", "300ms")];
    let front = Process::start_as("serve", folder.path(), &impatient).await;
    let client = front.client("a").await;
    let path = ask(&client).await;
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let told = [
        SHORT[0],
        SHORT[1],
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
    ];
    let zombie = Process::start_as("worker", folder.path(), &told).await;
    moves(&client, &path).await;
    stop_between_writes(|name| zombie.signal_all(name), &client).await;
    let attempts = read(&client, &path).await["attempts"].as_i64();
    let _owner = Process::start_as("worker", folder.path(), &HEIR).await;
    let job = becomes(&client, &path, "succeeded").await;
    assert_eq!(
        job["attempts"].as_i64(),
        attempts.map(|attempts| attempts + 1)
    );
    zombie.signal_all("CONT");
    eventually("it to notice", async || {
        zombie.log().contains("the lease was lost").then_some(())
    })
    .await;
    assert_eq!(read(&client, &path).await, job);
    // It is counted.
    assert!(zombie.terminate().await.success());
    let ends = collector.histogram("messaging.process.duration");
    let lost = ends
        .iter()
        .find(|point| attribute(&point.attributes, "app.job.outcome").as_deref() == Some("lost"));
    assert_eq!(lost.map(|point| point.count), Some(1));
}
