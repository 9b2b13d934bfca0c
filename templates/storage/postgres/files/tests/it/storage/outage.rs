//! The way to the database, or to the pooler before it, is cut or leads to silence: nobody is told that the process should be
//! killed, everybody in time that there is no database, and all is well by itself once it is back.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use temp_dir::TempDir;
use tokio::{task::JoinSet, time::timeout};
use uuid::Uuid;

use super::ways::Ways;
use crate::support::{
    Client, Process,
    client::{header, problem},
    document, eventually,
};

/// The request timeout: nobody waits longer, whatever happens. And the time in which a busy machine brings the answer.
const IN_TIME: Duration = Duration::from_secs(20 + 10);

/// Waits until requests are, or are not, to be sent to it.
async fn is_ready(admin: &Client, status: u16) -> Value {
    eventually("/ready", async || {
        let answer = admin.get("/ready").await;
        (answer.status() == status).then_some(answer)
    })
    .await
    .json()
    .await
    .expect("JSON")
}

/// What those are told in time who read and write.
async fn answers(client: &Client, path: &str) -> [Response; 4] {
    let lost = document("lost");
    let (one, list, write, write_with_key) = tokio::join!(
        timeout(IN_TIME, client.get(path)),
        timeout(IN_TIME, client.get("/v1/documents")),
        timeout(IN_TIME, client.post("/v1/documents", &lost)),
        timeout(IN_TIME, client.post_with_key("/v1/documents", "k", &lost))
    );
    [one, list, write, write_with_key].map(|answer| answer.expect("an answer in time"))
}

async fn is_refused(client: &Client, path: &str) {
    for answer in answers(client, path).await {
        let seconds = answer.headers().get("retry-after").cloned();
        let problem = problem(answer, 503).await;
        assert_eq!(problem["type"], "urn:problem:database-unavailable");
        assert_eq!(seconds.expect("a time to come back"), "1");
    }
}

/// A worker makes one, so it has found back too.
async fn has_a_report_made(client: &Client) {
    let (key, body) = (Uuid::now_v7().to_string(), json!({ "title": "all" }));
    let asked = client.post_with_key("/v1/reports", &key, &body).await;
    assert_eq!(asked.status(), 202);
    let path = header(&asked, "location").to_owned();
    eventually("the report", async || {
        let job: Value = client.get(&path).await.json().await.expect("JSON");
        (job["state"] == "succeeded").then_some(())
    })
    .await;
}

/// A service that reaches its database by these ways only, and waits so long for a connection and for a statement.
async fn start(folder: &TempDir, ways: &Ways, longest: &str) -> Process {
    let [url, direct_url] = ways.urls(folder.path());
    let variables = [
        ("APP__DATABASE__URL", url.as_str()),
        ("APP__DATABASE__DIRECT_URL", direct_url.as_str()),
        ("APP__DATABASE__ACQUIRE_TIMEOUT", longest),
        ("APP__DATABASE__STATEMENT_TIMEOUT", longest),
        ("APP__ADMIN__READY_INTERVAL", "10ms"),
        ("APP__JOBS__POLL_INTERVAL", "100ms"),
    ];
    let process = Process::start(folder.path(), &variables).await;
    assert!(ways.are_taken(), "it came by another way");
    process
}

/// By more at once than there are connections that read, so each of these is used. No cache has lists.
async fn are_listed_by_many(client: &Client) {
    let reading: JoinSet<_> = (0..16)
        .map(|_| {
            let client = client.clone();
            async move { client.get("/v1/documents").await.status() }
        })
        .collect();
    for status in reading.join_all().await {
        assert_eq!(status, 200, "nobody is handed a connection that was cut");
    }
}

#[tokio::test]
async fn what_needs_the_database_is_told_and_finds_back_by_itself() {
    let folder = TempDir::new().expect("a folder");
    let ways = Ways::open().await;
    let process = start(&folder, &ways, "19s").await;
    let (admin, client) = (Client::new(process.admin), process.client("a").await);
    let path = client.create("kept").await;
    for _ in 0..2 {
        are_listed_by_many(&client).await;
        ways.cut().await;
        let ready = is_ready(&admin, 503).await;
        assert_eq!(ready["checks"]["database"]["status"], "fail");
        assert_eq!(admin.get("/live").await.status(), 200);
        is_refused(&client, &path).await;

        ways.mend();
        is_ready(&admin, 200).await;
        assert_eq!(client.get(&path).await.status(), 200);
        are_listed_by_many(&client).await;
        let body = document("after");
        let made = client.post_with_key("/v1/documents", "k", &body).await;
        assert_eq!(made.status(), 201, "its key was not used up");
        has_a_report_made(&client).await;
    }
    assert_eq!(client.count().await, 2);
    assert!(process.terminate().await.success());
}

/// Worse than a cut: nothing says that the database is gone, so that each wait must end by itself.
#[tokio::test]
async fn who_would_wait_for_a_silent_database_is_told_in_time() {
    let folder = TempDir::new().expect("a folder");
    let ways = Ways::open().await;
    let process = start(&folder, &ways, "3s").await;
    let (admin, client) = (Client::new(process.admin), process.client("a").await);
    let path = client.create("kept").await;
    ways.fall_silent();
    for answer in answers(&client, &path).await {
        let status = answer.status().as_u16();
        assert!([503, 504].contains(&status), "{status}");
        problem(answer, status).await;
    }
    is_ready(&admin, 503).await;
    assert_eq!(admin.get("/live").await.status(), 200);

    ways.fail_over();
    is_ready(&admin, 200).await;
    eventually("a write", async || {
        let made = client.post("/v1/documents", &document("after")).await;
        (made.status() == 201).then_some(())
    })
    .await;
    // Connections whose statements were never answered are given up some seconds after the statements' own bound.
    eventually("a read", async || {
        (client.get(&path).await.status() == 200).then_some(())
    })
    .await;
    assert_eq!(client.count().await, 2);
    has_a_report_made(&client).await;
    assert!(process.terminate().await.success());
}
