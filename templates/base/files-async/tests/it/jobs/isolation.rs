//! Attempts in processes of their own: what one of them comes to is nobody else's.

use std::{
    fs,
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service::{data::jobs::State, jobs::Kind};
use temp_dir::TempDir;
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    Table, ask, becomes, beside, connection,
    crash::{SHORT, folder, stop_between_writes},
    moves, read,
};
use crate::support::{
    Client, Process, Server, database, document, eventually, isolation,
    otlp::Collector,
    process::{command_line, is_alive, signal},
    receiver::{Receiver, Reply},
};

const ISOLATED: (&str, &str) = ("APP__JOBS__ISOLATION", "process");

const PATIENT: [(&str, &str); 2] = [SHORT[1], ISOLATED];

/// Whoever is refused the write lock is to say so soon.
const IMPATIENT: (&str, &str) = ("APP__DATABASE__ACQUIRE_TIMEOUT", "300ms");

/// A service on a folder where a report takes a while, and the process that makes one.
struct Reporting {
    folder: TempDir,
    front: Process,
    worker: Process,
    client: Client,
    path: String,
    child: u32,
}

impl Reporting {
    async fn begin() -> Self {
        Self::with(&[SHORT[0], SHORT[1], ISOLATED]).await
    }

    /// Where no lease is to end, however slow the machine is.
    async fn patient() -> Self {
        Self::with(&PATIENT).await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let folder = folder().await;
        let front = Process::start_as("serve", folder.path(), &[SHORT[0], IMPATIENT]).await;
        let worker = Process::start_as("worker", folder.path(), variables).await;
        let client = front.client("a").await;
        let path = ask(&client).await;
        moves(&client, &path).await;
        let child = child_of(&worker, &path).await;
        Self {
            folder,
            front,
            worker,
            client,
            path,
            child,
        }
    }

    async fn becomes(&self, state: &str) -> Value {
        becomes(&self.client, &self.path, state).await
    }

    async fn child_is_gone(&self) {
        gone(self.child).await;
    }
}

async fn gone(process: u32) {
    eventually("the end of the job's process", async || {
        (!is_alive(process)).then_some(())
    })
    .await;
}

async fn worker(folder: &TempDir) -> Process {
    Process::start_as("worker", folder.path(), &[SHORT[0], SHORT[1], ISOLATED]).await
}

/// The process that this worker has started for a job; of a lost lease there may be another for a moment.
async fn child_of(worker: &Process, path: &str) -> u32 {
    let (_, job) = path.rsplit_once('/').expect("an id");
    eventually("the job's process", async || {
        let children = worker.children().into_iter();
        let of_job: Vec<u32> = children
            .filter(|id| command_line(*id).contains(job))
            .collect();
        (of_job.len() == 1).then(|| of_job[0])
    })
    .await
}

#[tokio::test]
async fn what_it_does_is_committed_once_and_its_process_ends() {
    let folder = folder().await;
    let app = beside(&folder).await;
    database::log_ends_of_jobs(&mut connection(&app.database).await).await;
    let service = Process::start_as("all", folder.path(), &[ISOLATED]).await;
    let client = service.client("a").await;
    let path = ask(&client).await;
    moves(&client, &path).await;
    let child = child_of(&service, &path).await;
    let job = becomes(&client, &path, "succeeded").await;
    assert_eq!(job["progress"], 100);
    assert_eq!(job["result"]["documents"], 10_000);
    gone(child).await;
    let (_, id) = path.rsplit_once('/').expect("an id");
    let id: Uuid = id.parse().expect("an id");
    let ends = sqlx::query_as("SELECT COUNT(*) FROM ends_of_jobs WHERE job = $1").bind(id);
    let mut connection = connection(&app.database).await;
    let ends: Option<(i64,)> = connection.optional(ends).await.expect("an answer");
    assert_eq!(ends, Some((1,)));
}

/// It reads its payload, which is more than fits.
#[tokio::test]
async fn one_that_takes_all_memory_dies_alone_and_not_for_ever() {
    let server = Server::with_worker(&[ISOLATED, ("APP__JOBS__MEMORY_LIMIT", "64MiB")]).await;
    let client = server.client("a");
    let table = Table(server);
    let payload = json!({ "title": "x".repeat(32 * 1024 * 1024) }).to_string();
    let greedy = table.add(|job| {
        job.payload = &payload;
        job.max_attempts = 2;
    });
    let greedy = greedy.await;
    for attempt in 1..=2 {
        let modest = ask(&client).await;
        let told = eventually("its death", async || {
            let job = table.job(greedy).await;
            (job.attempts == attempt && job.state != State::Running).then_some(job)
        });
        let told = told.await;
        let error = told.last_error.expect("a reason");
        assert!(error.contains("killed by signal 6"), "{error}");
        assert!(error.contains("APP__JOBS__MEMORY_LIMIT of 64"), "{error}");
        becomes(&client, &modest, "succeeded").await;
        let now = sqlx::query("UPDATE jobs SET run_at = 0, rank = 0 WHERE state = 'queued'");
        let mut connection = table.connection().await;
        connection.execute(now).await.expect("a change");
    }
    let job = table.job(greedy).await;
    assert_eq!((job.state, job.attempts), (State::Dead, 2));
    let written = client.post("/v1/documents", &document("after it")).await;
    assert_eq!(written.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn one_that_aborts_is_tried_again() {
    let reporting = Reporting::patient().await;
    signal(reporting.child, "ABRT");
    let told = eventually("its failure", async || {
        let job = read(&reporting.client, &reporting.path).await;
        job["error"].is_string().then_some(job)
    });
    let told = told.await;
    let error = told["error"].as_str().expect("text");
    assert!(error.contains("killed by signal 6"), "{error}");
    let job = reporting.becomes("succeeded").await;
    assert_eq!(job["attempts"], 2);
    assert!(is_alive(reporting.worker.id()));
}

/// It does not so much as hear of it: it is stopped.
#[tokio::test]
async fn one_that_is_cancelled_is_killed() {
    let reporting = Reporting::begin().await;
    let stop = |name: &str| signal(reporting.child, name);
    stop_between_writes(stop, &reporting.client).await;
    eventually("a place to write the wish down", async || {
        let cancel = reporting.client.request(Method::DELETE, &reporting.path);
        let cancelled = cancel.send().await.expect("an answer");
        (cancelled.status() == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    let job = reporting.becomes("cancelled").await;
    assert_eq!(job["result"], Value::Null);
    reporting.child_is_gone().await;
}

/// A process that stands still ends by nothing that could be heeded; of what computes for ever, the tests of
/// `jobs/process/parent.rs` tell. An attempt at a mail has half a minute.
#[tokio::test]
async fn one_that_never_ends_is_killed_at_its_kinds_limit() {
    if isolation::setting().is_none() {
        return;
    }
    let provider = Receiver::start([Reply::Silence]).await;
    let folder = TempDir::new().expect("a folder");
    let url = provider.url();
    let mails = [
        ISOLATED,
        ("APP__EMAIL__URL", &url),
        ("APP__EMAIL__TOKEN", "secret-of-the-provider"),
        ("APP__EMAIL__FROM", "orders@example.com"),
    ];
    let service = Process::start(folder.path(), &mails).await;
    let client = service.client("a").await;
    // Its attempt begins later.
    let begun = Instant::now();
    let body = json!({ "title": "all", "notify": "somebody@example.com" });
    let asked = client.post_with_key("/v1/reports", "one", &body).await;
    assert_eq!(asked.status(), StatusCode::ACCEPTED);
    let asked = provider.receives(1).await;
    let path = format!("/v1/jobs/{}", asked.header("idempotency-key"));
    let child = child_of(&service, &path).await;
    signal(child, "STOP");
    let last = sqlx::query("UPDATE jobs SET max_attempts = 1 WHERE kind = 'email'");
    let app = beside(&folder).await;
    let mut connection = connection(&app.database).await;
    connection.execute(last).await.expect("a change");
    drop(connection);
    // Most of the time passes here: nothing else is waited for as long.
    let limit = Kind::Email.time_limit();
    sleep((limit - Duration::from_secs(10)).saturating_sub(begun.elapsed())).await;
    let goes_on = is_alive(child);
    let passed = begun.elapsed();
    assert!(goes_on || passed > limit, "killed after {passed:?}");
    let job = becomes(&client, &path, "dead").await;
    assert_eq!(
        (&job["error"], &job["attempts"]),
        (&json!("it did not end within 30 s"), &json!(1))
    );
    gone(child).await;
    assert_eq!(client.get("/v1/documents").await.status(), StatusCode::OK);
}

/// Its lease goes on for long, so nothing else ends what it has begun.
#[tokio::test]
async fn a_worker_that_is_killed_leaves_no_process_behind() {
    let Reporting {
        worker,
        client,
        path,
        child,
        front: _front,
        folder: _folder,
    } = Reporting::with(&[ISOLATED]).await;
    worker.kill().await;
    gone(child).await;
    let job = read(&client, &path).await;
    assert_eq!(
        (&job["state"], &job["attempts"]),
        (&json!("running"), &json!(1))
    );
}

#[tokio::test]
async fn a_worker_that_leaves_takes_its_processes_along() {
    let mut reporting = Reporting::patient().await;
    let next = Process::start_as("worker", reporting.folder.path(), &PATIENT).await;
    let leaving = std::mem::replace(&mut reporting.worker, next);
    assert_eq!(leaving.terminate().await.code(), Some(0));
    reporting.child_is_gone().await;
    let job = reporting.becomes("succeeded").await;
    assert_eq!(job["attempts"], 1);
}

/// Both slept past their lease; the one that wakes up first finds nobody who could kill it.
#[tokio::test]
async fn one_that_outlives_its_lease_changes_nothing() {
    let reporting = Reporting::begin().await;
    let stop = |name: &str| reporting.worker.signal_all(name);
    stop_between_writes(stop, &reporting.client).await;
    let stopped = read(&reporting.client, &reporting.path).await;
    let child = child_of(&reporting.worker, &reporting.path).await;
    let _owner = worker(&reporting.folder).await;
    let job = reporting.becomes("succeeded").await;
    assert_ne!(job["attempts"], stopped["attempts"]);
    signal(child, "CONT");
    gone(child).await;
    assert_eq!(read(&reporting.client, &reporting.path).await, job);
    reporting.worker.signal_all("CONT");
    eventually("its worker to notice", async || {
        let log = reporting.worker.log();
        log.contains("the lease was lost").then_some(())
    })
    .await;
    assert_eq!(read(&reporting.client, &reporting.path).await, job);
    reporting.front.kill().await;
}

/// A collector would have to keep the series of an instance for each attempt.
#[tokio::test]
async fn to_a_collector_it_is_its_worker_and_counts_nothing() {
    let collector = Collector::start().await;
    let folder = folder().await;
    let endpoint = collector.endpoint();
    let variables = [
        ISOLATED,
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
        // A job's process has one.
        ("APP__CPU__THREADS", "3"),
    ];
    let service = Process::start(folder.path(), &variables).await;
    let client = service.client("a").await;
    let path = ask(&client).await;
    becomes(&client, &path, "succeeded").await;
    eventually("the span of the attempt", async || {
        let spans = collector.spans();
        let is_told = |name: &str| spans.iter().any(|span| span.name == name);
        (is_told("run report") && is_told("process report")).then_some(())
    })
    .await;
    assert!(service.terminate().await.success());
    assert_eq!(collector.instances().len(), 1);
    let threads = collector.numbers("app.cpu.threads");
    assert!(!threads.is_empty());
    assert!(
        threads
            .iter()
            .all(|point| point.value == Some(number_data_point::Value::AsInt(3))),
        "{threads:?}"
    );
}

/// What a job's process is told comes through its worker, not through the environment or the command line, where others
/// could read it.
#[tokio::test]
async fn a_payload_is_seen_by_nobody_else() {
    let reporting = Reporting::begin().await;
    for file in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{file}", reporting.child);
        let said = fs::read(path).expect("a file");
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.contains("title"), "{said}");
    }
}
