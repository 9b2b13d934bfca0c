//! Documents are found by what they mean: exactly those that are nearest, and only by their own tenant.

mod indexing;
mod search;
mod table;

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service::{
    app::state::App,
    data::{connection::Connection, meter::Meter},
    edge::deadline::Deadline,
    simulator::{Rule, Simulator},
};

use crate::support::{Client, Server, client::header, eventually};

/// A service with a worker, and the model that it asks.
struct World {
    simulator: Simulator,
    server: Server,
}

impl World {
    async fn start() -> Self {
        let simulator = Simulator::start().await.expect("a simulator");
        let url = simulator.base_url();
        let server = Server::with_worker(&[("APP__EMBEDDINGS__BASE_URL", &url)]).await;
        Self { simulator, server }
    }
}

/// How the simulator fares from now on.
fn play(simulator: &Simulator, rules: &str) {
    simulator.play(Rule::parse_all(rules).expect("rules"));
}

/// Waits until it was asked so often.
async fn is_asked(simulator: &Simulator, times: u64) {
    eventually("a question", async || {
        (simulator.stats().embeddings >= times).then_some(())
    })
    .await;
}

/// Creates a document and gives its path.
async fn add(client: &Client, title: &str, body: &str) -> String {
    let body = json!({ "title": title, "body": body });
    let created = client.post("/v1/documents", &body).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    header(&created, "location").to_owned()
}

async fn replace(client: &Client, path: &str, title: &str, body: &str) {
    let request = client.request(Method::PUT, path).header("if-match", "*");
    let request = request.json(&json!({ "title": title, "body": body }));
    let replaced = request.send().await.expect("an answer");
    assert_eq!(replaced.status(), StatusCode::OK);
}

async fn remove(client: &Client, path: &str) {
    let removed = client.request(Method::DELETE, path).send().await;
    assert_eq!(removed.expect("an answer").status(), StatusCode::NO_CONTENT);
}

/// The passages that are found, the nearest first.
async fn search(client: &Client, question: &str) -> Vec<Value> {
    let path = format!("/v1/search?q={}", question.replace(' ', "+"));
    let answer = client.get(&path).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let mut found: Value = answer.json().await.expect("JSON");
    serde_json::from_value(found["items"].take()).expect("items")
}

/// Waits until the search finds so many passages.
async fn finds(client: &Client, question: &str, count: usize) -> Vec<Value> {
    eventually("passages", async || {
        let found = search(client, question).await;
        (found.len() == count).then_some(found)
    })
    .await
}

async fn connection(app: &App) -> Connection {
    let deadline = Deadline::after(Duration::from_secs(20));
    let lent = app.database.write(deadline, &Meter::default()).await;
    lent.expect("a connection")
}

/// The state and the attempts of the jobs that embed documents.
async fn jobs(app: &App) -> Vec<(String, i64)> {
    let statement =
        sqlx::query_as("SELECT state, attempts FROM jobs WHERE kind = 'embed' ORDER BY id");
    connection(app).await.all(statement).await.expect("jobs")
}

async fn count_chunks(app: &App) -> i64 {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM chunks");
    connection(app).await.scalar(count).await.expect("a count")
}
