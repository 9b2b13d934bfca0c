//! Workers hear of jobs that other processes add, without looking.

use serde_json::{Value, json};
use temp_dir::TempDir;
use uuid::Uuid;

use crate::support::{
    Client, Process, client::header, database, eventually, process::run, proxy::Proxy,
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

/// As after a failover: whoever waits for the old server to speak waits for ever.
#[tokio::test]
async fn a_worker_whose_database_is_gone_without_a_word_hears_of_the_next_job() {
    let folder = TempDir::new().expect("a folder");
    assert!(run(folder.path(), &[], &["migrate"]).await.status.success());
    let front = Process::start_as("serve", folder.path(), &[]).await;
    let client = front.client("a").await;
    let proxy = Proxy::to(database::address()).await;
    let url = database::by(proxy.address(), folder.path());
    let variables = [
        ("APP__DATABASE__URL", url.as_str()),
        ("APP__DATABASE__DIRECT_URL", url.as_str()),
        ("APP__DATABASE__POOLER", "none"),
        NEVER_LOOKS[0],
    ];
    let worker = Process::start_as("worker", folder.path(), &variables).await;
    has_a_report_made(&client).await;

    proxy.fall_silent();
    proxy.fail_over();
    has_a_report_made(&client).await;
    // Nor does it wait for a farewell.
    assert!(worker.terminate().await.success());
}
