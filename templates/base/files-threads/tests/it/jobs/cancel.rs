//! A job that nobody wants any more.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{ask, becomes, many_documents, moves, read};
use crate::support::{Client, Server, client::problem};

async fn cancel(client: &Client, path: &str) -> Response {
    let sent = client.request(Method::DELETE, path).send().await;
    sent.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_is_cancelled_at_once() {
    let server = Server::start().await;
    let client = server.client("a");
    let path = ask(&client).await;
    assert_eq!(
        cancel(&server.client("b"), &path).await.status(),
        StatusCode::NOT_FOUND
    );
    for _ in 0..2 {
        let answer = cancel(&client, &path).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let job: Value = answer.json().await.expect("JSON");
        assert_eq!(job["state"], "cancelled");
    }
    assert!(read(&client, &path).await["finished_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_runs_is_told_and_ends() {
    let server = Server::with_worker(&[]).await;
    many_documents(&server.app).await;
    let client = server.client("a");
    let path = ask(&client).await;
    moves(&client, &path).await;
    assert_eq!(cancel(&client, &path).await.status(), StatusCode::ACCEPTED);
    let job = becomes(&client, &path, "cancelled").await;
    assert_eq!(job["result"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_has_ended_stays_as_it_is() {
    let server = Server::with_worker(&[]).await;
    let client = server.client("a");
    let path = ask(&client).await;
    let before = becomes(&client, &path, "succeeded").await;
    let problem = problem(cancel(&client, &path).await, 409).await;
    assert_eq!(problem["type"], "urn:problem:job-ended");
    assert_eq!(read(&client, &path).await, before);
    assert_eq!(before["progress"], json!(100));
}
