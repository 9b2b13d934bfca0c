//! Answers that a job makes.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use service::simulator::{Rule, Simulator};

use crate::support::{
    Client, Server,
    client::{header, problem},
    eventually,
};

struct Asking {
    server: Server,
    provider: Simulator,
}

impl Asking {
    async fn start() -> Self {
        let provider = Simulator::start().await.expect("a simulator");
        let base_url = provider.base_url();
        let variables = [
            ("APP__LLM__BASE_URL", base_url.as_str()),
            ("APP__EMBEDDINGS__BASE_URL", base_url.as_str()),
        ];
        let server = Server::with_worker(&variables).await;
        Self { server, provider }
    }
}

async fn ask(client: &Client, key: Option<&str>) -> Response {
    let request = client.request(Method::POST, "/v1/answers");
    let request = request.header("prefer", "respond-async");
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    let body = json!({ "question": "Why? [[sim: tokens=5]]" });
    request.json(&body).send().await.expect("an answer")
}

async fn becomes(client: &Client, path: &str, state: &str) -> Value {
    eventually(state, async || {
        let job: Value = client.get(path).await.json().await.expect("JSON");
        (job["state"] == state).then_some(job)
    })
    .await
}

#[tokio::test]
async fn the_answer_is_the_result_of_a_job() {
    let asking = Asking::start().await;
    let client = asking.server.client("a");
    let accepted = ask(&client, Some("k")).await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let path = header(&accepted, "location").to_owned();
    let job = becomes(&client, &path, "succeeded").await;
    assert_eq!(job["kind"], "answer");
    assert!(
        job["result"]["text"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    assert_eq!(job["result"]["usage"]["is_estimated"], false);

    let again = ask(&client, Some("k")).await;
    assert_eq!(header(&again, "location"), path);
    assert_eq!(header(&again, "idempotent-replayed"), "true");
    assert_eq!(asking.provider.stats().chats, 1);
    problem(ask(&client, None).await, 400).await;
}

#[tokio::test]
async fn a_provider_that_is_down_is_asked_again_later() {
    let asking = Asking::start().await;
    let down = Rule::parse_all("times=1 status=401").expect("rules");
    asking.provider.play(down);
    let client = asking.server.client("a");
    let accepted = ask(&client, Some("k")).await;
    let path = header(&accepted, "location").to_owned();
    let job = becomes(&client, &path, "succeeded").await;
    assert_eq!(job["attempts"], 2);
}
