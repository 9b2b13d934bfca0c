//! Workers hear of jobs that other processes add, without looking; where they cannot hear, they look.

use serde_json::{Value, json};
use temp_dir::TempDir;
use uuid::Uuid;

use super::ways::Ways;
use crate::support::{
    Client, Process,
    client::header,
    eventually,
    process::{command, run},
};

/// Whoever only looks comes too late.
const NEVER_LOOKS: [(&str, &str); 1] = [("APP__JOBS__POLL_INTERVAL", "59s")];

async fn has_a_report_made(client: &Client) {
    let key = Uuid::now_v7().to_string();
    let body = json!({ "title": "all" });
    let asked = client.post_with_key("/v1/reports", &key, &body).await;
    assert_eq!(asked.status(), 202);
    let path = header(&asked, "location").to_owned();
    eventually("the report", async || {
        let job: Value = client.get(&path).await.json().await.expect("JSON");
        (job["state"] == "succeeded").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_never_looks_hears_of_a_job() {
    let folder = TempDir::new().expect("a folder");
    assert!(run(folder.path(), &[], &["migrate"]).await.status.success());
    let front = Process::start_as("serve", folder.path(), &[]).await;
    let client = front.client("a").await;
    let _worker = Process::start_as("worker", folder.path(), &NEVER_LOOKS).await;
    for _ in 0..3 {
        has_a_report_made(&client).await;
    }
}

/// As behind a pooler that no way leads past: there is no session to be told in.
#[tokio::test]
async fn a_worker_that_cannot_hear_of_a_job_looks() {
    let folder = TempDir::new().expect("a folder");
    assert!(run(folder.path(), &[], &["migrate"]).await.status.success());
    let front = Process::start_as("serve", folder.path(), &[]).await;
    let client = front.client("a").await;
    let mut deaf = command(folder.path(), &[("APP__DATABASE__POOLER", "transaction")]);
    deaf.env_remove("APP__DATABASE__DIRECT_URL");
    let worker = Process::start_with("worker", folder.path(), deaf).await;
    for _ in 0..3 {
        has_a_report_made(&client).await;
    }
    assert!(worker.terminate().await.success());
}

/// As after a failover: whoever waits for the old server to speak waits for ever.
#[tokio::test]
async fn a_worker_whose_database_is_gone_without_a_word_hears_of_the_next_job() {
    let folder = TempDir::new().expect("a folder");
    assert!(run(folder.path(), &[], &["migrate"]).await.status.success());
    let front = Process::start_as("serve", folder.path(), &[]).await;
    let client = front.client("a").await;
    let ways = Ways::open().await;
    let [url, direct_url] = ways.urls(folder.path());
    let variables = [
        ("APP__DATABASE__URL", url.as_str()),
        ("APP__DATABASE__DIRECT_URL", direct_url.as_str()),
        NEVER_LOOKS[0],
    ];
    let worker = Process::start_as("worker", folder.path(), &variables).await;
    has_a_report_made(&client).await;

    ways.fall_silent();
    ways.fail_over();
    has_a_report_made(&client).await;
    // Nor does it wait for a farewell.
    assert!(worker.terminate().await.success());
}
