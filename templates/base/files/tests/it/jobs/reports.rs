//! The sample, from the request to the result.

use reqwest::StatusCode;
use serde_json::json;

use super::{ask, becomes, read};
use crate::support::{
    Server,
    client::{header, problem},
    document, eventually,
};

#[tokio::test]
async fn a_report_is_made_beside_the_request() {
    let server = Server::with_worker(&[]).await;
    let client = server.client("a");
    for words in ["one", "one two", "one two three"] {
        client
            .post("/v1/documents", &json!({ "title": "t", "body": words }))
            .await;
    }
    server.client("b").create("of another tenant").await;
    let path = ask(&client).await;
    let job = becomes(&client, &path, "succeeded").await;
    assert_eq!(job["progress"], 100);
    let result = &job["result"];
    assert_eq!(
        (&result["documents"], &result["words"]),
        (&json!(3), &json!(9))
    );
    assert!(result["longest"].is_string());
    let done = client.get(&path).await;
    assert!(!done.headers().contains_key("retry-after"));
    assert_eq!(
        server.client("b").get(&path).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_answer_is_the_job_and_says_when_to_ask_again() {
    let server = Server::start().await;
    let client = server.client("a");
    let body = json!({ "title": "all" });
    let first = client.post_with_key("/v1/reports", "k", &body).await;
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&first, "retry-after"), "1");
    let path = header(&first, "location").to_owned();
    let again = client.post_with_key("/v1/reports", "k", &body).await;
    assert_eq!(header(&again, "location"), path);
    assert_eq!(header(&again, "idempotent-replayed"), "true");
    let waiting = client.get(&path).await;
    assert_eq!(header(&waiting, "retry-after"), "1");
    assert_eq!(read(&client, &path).await["state"], "queued");
}

#[tokio::test]
async fn without_a_key_no_report_is_begun() {
    let server = Server::start().await;
    let refused = server
        .client("a")
        .post("/v1/reports", &json!({ "title": "all" }))
        .await;
    let problem = problem(refused, 400).await;
    assert_eq!(problem["type"], "urn:problem:idempotency-key-required");
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_is_dead_at_once() {
    let server = Server::with_worker(&[]).await;
    let client = server.client("a");
    let table = super::Table(server);
    let id = table.add(|job| job.payload = "{}").await;
    table.0.app.news.publish(service::jobs::Kind::Report);
    let job = becomes(&client, &format!("/v1/jobs/{id}"), "dead").await;
    assert_eq!(job["attempts"], 1);
    let error = job["error"].as_str().expect("a reason");
    assert!(error.contains("title"), "{error}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_later() {
    let server = Server::with_worker(&[]).await;
    let client = server.client("a");
    let table = super::Table(server);
    let change = async |statement| {
        let mut connection = table.connection().await;
        connection
            .execute(sqlx::query(statement))
            .await
            .expect("a change");
    };
    change("ALTER TABLE documents RENAME TO away").await;
    let path = ask(&client).await;
    let failed = eventually("a failed attempt", async || {
        let job = read(&client, &path).await;
        job["error"].is_string().then_some(job)
    })
    .await;
    assert_eq!(
        (&failed["state"], &failed["attempts"]),
        (&json!("queued"), &json!(1))
    );
    change("ALTER TABLE away RENAME TO documents").await;
    client.post("/v1/documents", &document("back")).await;
    change("UPDATE jobs SET run_at = 0, rank = 0").await;
    let job = becomes(&client, &path, "succeeded").await;
    assert_eq!(job["attempts"], 2);
    assert_eq!(job["result"]["documents"], 1);
}
