//! The broker is gone for a while, or has lost everything.

use std::time::Duration;

use serde_json::Value;
use service::data::jobs::{self as rows, NewJob};
use temp_dir::TempDir;
use uuid::Uuid;

use super::{HARDLY_LOOKS, all_is_told, ask, beside, connection, is_made, jobs};
use crate::support::{
    Client, Process, eventually,
    process::run,
    proxy::Proxy,
    queue::{self, Stranger},
};

/// Jobs are done, and what is to be told waits.
async fn it_is_not_missed(take_away: impl AsyncFnOnce(&Proxy)) {
    let folder = TempDir::new().expect("a folder");
    let proxy = Proxy::to(queue::address()).await;
    let url = queue::url_at(proxy.address());
    let variables = [
        ("APP__BROKER__URL", url.as_str()),
        ("APP__JOBS__POLL_INTERVAL", "100ms"),
    ];
    let app = beside(&folder, &variables).await;
    let front = Process::start_as("serve", folder.path(), &variables).await;
    let _worker = Process::start_as("worker", folder.path(), &variables).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let client = front.client("a").await;
    let before = client.create("before").await;
    all_is_told(&app).await;
    assert_ne!(proxy.connections(), 0, "it is reached by this way");

    take_away(&proxy).await;
    let path = ask(&client).await;
    is_made(&client, &path).await;
    let during = client.create("during").await;
    eventually("the relay to notice", async || {
        front.log().contains("cannot be relayed").then_some(())
    })
    .await;
    let admin = Client::new(front.admin);
    for path in ["/live", "/ready"] {
        assert_eq!(admin.get(path).await.status(), 200, "{path}");
    }
    let id = |path: &str| path.rsplit('/').next().expect("an id").to_owned();
    let told = |events: &[Value]| -> Vec<String> {
        let subjects = events.iter().map(|event| event["subject"].as_str());
        subjects
            .map(|subject| subject.expect("text").to_owned())
            .collect()
    };
    assert_eq!(told(&stranger.events().await), [id(&before)]);

    proxy.mend();
    all_is_told(&app).await;
    assert_eq!(told(&stranger.events().await), [id(&before), id(&during)]);
    let path = ask(&client).await;
    is_made(&client, &path).await;
    let attempts: Vec<i64> = jobs(&app, "report")
        .await
        .iter()
        .map(|job| job.attempts)
        .collect();
    assert_eq!(attempts, [1, 1]);
}

#[tokio::test]
async fn while_it_is_gone_jobs_are_done_and_what_is_to_be_told_waits() {
    it_is_not_missed(async |proxy| proxy.cut().await).await;
}

/// Worse: nobody is told that it is gone.
#[tokio::test]
async fn while_it_is_silent_jobs_are_done_and_what_is_to_be_told_waits() {
    it_is_not_missed(async |proxy| proxy.fall_silent()).await;
}

#[tokio::test]
async fn one_that_has_forgotten_everything_is_told_and_heard_again() {
    let folder = TempDir::new().expect("a folder");
    assert!(run(folder.path(), &[], &["migrate"]).await.status.success());
    let front = Process::start_as("serve", folder.path(), &HARDLY_LOOKS).await;
    let _worker = Process::start_as("worker", folder.path(), &HARDLY_LOOKS).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let client = front.client("a").await;
    for _ in 0..2 {
        let path = ask(&client).await;
        is_made(&client, &path).await;
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
    let path = ask(&client).await;
    is_made(&client, &path).await;
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
