//! The broker is gone for a while, or has lost everything.

use std::time::Duration;

use service::data::jobs::{self as rows, NewJob};
use temp_dir::TempDir;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{
    HARDLY_LOOKS, all_is_told, ask, beside, connection, front_and_worker,
    inbox::{are_taken, message},
    is_made, jobs, report,
};
use crate::support::{
    Client, Process, eventually,
    process::run,
    proxy::Proxy,
    queue::{Private, Stranger, by_proxy},
};

/// Jobs are done, and what is to be told waits.
async fn it_is_not_missed(take_away: impl AsyncFnOnce(&Proxy), give_back: impl FnOnce(&Proxy)) {
    let folder = TempDir::new().expect("a folder");
    let (proxy, url) = by_proxy().await;
    let variables = [
        ("APP__BROKER__URL", url.as_str()),
        ("APP__JOBS__POLL_INTERVAL", "100ms"),
    ];
    let app = beside(&folder, &variables).await;
    let (front, _worker) = front_and_worker(&folder, &variables).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let client = front.client("a").await;
    let before = client.create("before").await;
    all_is_told(&app).await;
    assert_ne!(proxy.connections(), 0, "it is reached by this way");

    take_away(&proxy).await;
    report(&client).await;
    let during = client.create("during").await;
    eventually("the relay to notice", async || {
        front.log().contains(DOWN).then_some(())
    })
    .await;
    let admin = Client::new(front.admin);
    for path in ["/live", "/ready"] {
        assert_eq!(admin.get(path).await.status(), 200, "{path}");
    }
    assert_eq!(subjects(&stranger).await, [id(&before)]);

    give_back(&proxy);
    all_is_told(&app).await;
    assert_eq!(subjects(&stranger).await, [id(&before), id(&during)]);
    report(&client).await;
    let reports = jobs(&app, "report").await;
    let attempts: Vec<i64> = reports.iter().map(|job| job.attempts).collect();
    assert_eq!(attempts, [1, 1]);
    stranger.send(&message("1", "one")).await;
    let is_taken = async {
        while jobs(&app, "hook").await.is_empty() {
            sleep(PAUSE).await;
        }
    };
    timeout(SILENCE, is_taken).await.expect("a message's job");
}

/// A line by which nothing is said is given up later than the others.
const SILENCE: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(100);

/// What a relay says that cannot tell anybody anything, and when it can again.
const DOWN: &str = "messages cannot be relayed";
const UP: &str = "messages are relayed again";

fn id(path: &str) -> String {
    path.rsplit('/').next().expect("an id").to_owned()
}

/// Of what the stranger was told of, in that order.
async fn subjects(stranger: &Stranger) -> Vec<String> {
    let events = stranger.events().await;
    let subjects = events.iter().map(|event| event["subject"].as_str());
    subjects
        .map(|subject| subject.expect("text").to_owned())
        .collect()
}

#[tokio::test]
async fn while_it_is_gone_jobs_are_done_and_what_is_to_be_told_waits() {
    it_is_not_missed(async |proxy| proxy.cut().await, Proxy::mend).await;
}

/// Worse: nobody is told that it is gone.
#[tokio::test]
async fn while_it_is_silent_jobs_are_done_and_what_is_to_be_told_waits() {
    it_is_not_missed(async |proxy| proxy.fall_silent(), Proxy::mend).await;
}

/// And nobody is told that another one has taken its place.
#[tokio::test]
async fn a_line_that_stays_silent_is_given_up() {
    it_is_not_missed(async |proxy| proxy.fall_silent(), Proxy::fail_over).await;
}

/// Its relay, its workers and its inbox are all about to reach it.
#[tokio::test]
async fn who_is_told_to_stop_does_not_wait_for_it() {
    let folder = TempDir::new().expect("a folder");
    let (proxy, url) = by_proxy().await;
    proxy.fall_silent();
    // Less than an attempt to connect takes, and far more than to stop.
    let variables = [
        ("APP__BROKER__URL", url.as_str()),
        ("APP__DATABASE__ACQUIRE_TIMEOUT", "2s"),
        ("APP__IDEMPOTENCY__LEASE", "4s"),
        ("APP__SERVER__REQUEST_TIMEOUT", "3s"),
        ("APP__SERVER__SHUTDOWN_GRACE", "3s"),
    ];
    let process = Process::start(folder.path(), &variables).await;
    process.client("a").await.create("one").await;
    let status = process.terminate().await;
    assert!(status.success(), "{status}");
}

/// Two that cannot reach it: neither takes what the other does for a sign that it is there.
#[tokio::test]
async fn that_it_is_silent_is_said_once() {
    let folder = TempDir::new().expect("a folder");
    let (proxy, url) = by_proxy().await;
    let variables = [("APP__BROKER__URL", url.as_str())];
    let app = beside(&folder, &variables).await;
    let fronts = [
        Process::start_as("serve", folder.path(), &variables).await,
        Process::start_as("serve", folder.path(), &variables).await,
    ];
    let client = fronts[0].client("a").await;
    client.create("before").await;
    all_is_told(&app).await;
    proxy.fall_silent();
    client.create("during").await;
    for front in &fronts {
        eventually("the relay to notice", async || {
            front.log().contains(DOWN).then_some(())
        })
        .await;
    }
    for front in &fronts {
        assert!(!front.log().contains(UP), "{}", front.log());
    }
    proxy.mend();
    all_is_told(&app).await;
    for front in &fronts {
        assert_eq!(front.log().matches(DOWN).count(), 1, "{}", front.log());
    }
}

/// It has the turn while it tries, and nobody else can have it.
#[tokio::test]
async fn who_has_never_reached_it_holds_up_others_for_moments() {
    let folder = TempDir::new().expect("a folder");
    let (proxy, url) = by_proxy().await;
    proxy.fall_silent();
    let app = beside(&folder, &[]).await;
    let apart = Process::start(folder.path(), &[("APP__BROKER__URL", url.as_str())]).await;
    let front = Process::start_as("serve", folder.path(), &[]).await;
    apart.client("a").await.create("one").await;
    front.client("a").await.create("two").await;
    all_is_told(&app).await;
}

/// Its process ends, and the next one knows nothing.
#[tokio::test]
async fn one_that_was_restarted_empty_is_told_and_heard_again() {
    let Some(mut server) = Private::start() else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let url = server.url();
    let variables = [("APP__BROKER__URL", url.as_str()), HARDLY_LOOKS[0]];
    let app = beside(&folder, &variables[..1]).await;
    let (front, _worker) = front_and_worker(&folder, &variables).await;
    if Stranger::at(&url, folder.path()).await.is_none() {
        return;
    }
    let client = front.client("a").await;
    report(&client).await;

    server.stop();
    client.create("during").await;
    let asked = ask(&client).await;
    server.start_again();
    all_is_told(&app).await;
    is_made(&client, &asked).await;
    let stranger = Stranger::at(&url, folder.path()).await;
    let stranger = stranger.expect("as before");
    let after = client.create("after").await;
    eventually("its event", async || {
        let subjects = subjects(&stranger).await;
        subjects.contains(&id(&after)).then_some(())
    })
    .await;
    report(&client).await;
    stranger.send(&message("1", "one")).await;
    are_taken(&app, 1).await;
    let reports = jobs(&app, "report").await;
    let attempts: Vec<i64> = reports.iter().map(|job| job.attempts).collect();
    assert_eq!(attempts, [1, 1, 1]);
}

#[tokio::test]
async fn one_that_has_forgotten_everything_is_told_and_heard_again() {
    let folder = TempDir::new().expect("a folder");
    assert!(run(folder.path(), &[], &["migrate"]).await.status.success());
    let (front, _worker) = front_and_worker(&folder, &HARDLY_LOOKS).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let client = front.client("a").await;
    for _ in 0..2 {
        report(&client).await;
        stranger.forget().await;
    }
    client.create("after").await;
    eventually("an event", async || {
        (stranger.events().await.len() == 1).then_some(())
    })
    .await;
}

/// Nobody is told of it, and each worker by itself looks too late.
#[tokio::test]
async fn a_job_without_news_is_found() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let front = Process::start_as("serve", folder.path(), &HARDLY_LOOKS).await;
    let client = front.client("a").await;
    let looks = [("APP__JOBS__POLL_INTERVAL", "3s")];
    let _worker = Process::start_as("worker", folder.path(), &looks).await;
    report(&client).await;
    let job = NewJob {
        id: Uuid::now_v7(),
        tenant: "a",
        kind: "report",
        payload: r#"{"title":"one"}"#,
        priority: 0,
        delay: Duration::from_secs(3600),
        max_attempts: 3,
        dedupe_key: None,
        concurrency_key: None,
        traceparent: None,
    };
    let added = rows::insert(&mut connection(&app).await, &job).await;
    added.expect("a job");
    all_is_told(&app).await;
    let due = sqlx::query("UPDATE jobs SET run_at = 0, rank = 0 WHERE id = $1").bind(job.id);
    let changed = connection(&app).await.execute(due).await;
    assert_eq!(changed.expect("a change"), 1);
    is_made(&client, &format!("/v1/jobs/{}", job.id)).await;
}
