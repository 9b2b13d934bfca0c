//! A client says whether it waits for its answer (RFC 7240).

use reqwest::Method;
use serde_json::json;

use crate::support::{Client, Server, client::header};

async fn ask(client: &Client, preference: &str) -> reqwest::Response {
    let request = client.request(Method::POST, "/v1/answers");
    let request = request
        .header("prefer", preference)
        .header("idempotency-key", preference.replace(' ', ""));
    let body = json!({ "question": "Why? [[sim: tokens=3]]" });
    request.json(&body).send().await.expect("an answer")
}

#[tokio::test]
async fn only_who_asks_for_it_is_answered_later() {
    let server = Server::start().await;
    let client = server.client("a");
    for preference in [
        "respond-async",
        "wait=5, Respond-Async",
        "respond-async;x=1",
    ] {
        let answer = ask(&client, preference).await;
        assert_eq!(answer.status(), 202, "{preference}");
        assert_eq!(header(&answer, "preference-applied"), "respond-async");
        assert!(header(&answer, "location").starts_with("/v1/jobs/"));
    }
    for preference in ["wait=5", "return=minimal", "respond-asynchronously"] {
        let answer = ask(&client, preference).await;
        assert_eq!(answer.status(), 201, "{preference}");
        assert!(!answer.headers().contains_key("preference-applied"));
    }
}
