//! Work that computes holds up nobody but who asked for it.

use std::sync::{
    Arc,
    mpsc::{Receiver, SyncSender, sync_channel},
};

use axum::{Router, routing::get};
use reqwest::StatusCode;
use serde_json::{Value, json};
use service::{
    app::{context::Context, state::App},
    edge::{endpoint::on_a_thread, problem::Problem},
};
use tokio::{sync::Notify, task::JoinSet};

use crate::support::{
    Client, Server,
    client::{document, header, problem},
};

/// A route that computes until it is told to stop.
#[derive(Clone)]
struct Slow {
    begun: Arc<Notify>,
    end: SyncSender<()>,
    ended: Arc<std::sync::Mutex<Receiver<()>>>,
}

impl Slow {
    fn new() -> Self {
        let (end, ended) = sync_channel(16);
        Self {
            begun: Arc::default(),
            end,
            ended: Arc::new(std::sync::Mutex::new(ended)),
        }
    }

    fn routes(&self) -> Router<App> {
        let slow = self.clone();
        let handler = move |context| compute(context, slow);
        Router::new()
            .route("/slow", get(on_a_thread(handler)))
            .route("/panics", get(on_a_thread(panics)))
            .route("/quick", get(async || "at once"))
    }
}

fn compute(context: Context, slow: Slow) -> Result<(), Problem> {
    let work = move || {
        slow.begun.notify_one();
        slow.ended.lock().expect("no panic").recv().ok();
    };
    context.compute(work)
}

fn panics(context: Context) -> Result<(), Problem> {
    context.compute(|| panic!("of a test"))
}

const ONE_OF_EACH: [(&str, &str); 2] = [("APP__CPU__THREADS", "1"), ("APP__CPU__QUEUE", "1")];

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_is_told_when_to_come_back_and_others_are_served() {
    let slow = Slow::new();
    let server = Server::with_routes(&ONE_OF_EACH, slow.routes()).await;
    let client = server.client("a");
    let mut asked = JoinSet::new();
    let mut ask = || {
        let client = client.clone();
        asked.spawn(async move { client.get("/slow").await });
    };
    ask();
    slow.begun.notified().await;
    // One of these finds the place, and the other does not.
    ask();
    ask();
    let refused = asked.join_next().await.expect("one").expect("an answer");
    assert_eq!(header(&refused, "retry-after"), "1");
    let problem = problem(refused, 503).await;
    assert_eq!(problem["type"], "urn:problem:overloaded");
    assert_eq!(client.get("/quick").await.status(), StatusCode::OK);
    for _ in 0..2 {
        slow.end.send(()).expect("a route");
    }
    for answer in asked.join_all().await {
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_costs_its_request_alone() {
    let slow = Slow::new();
    let server = Server::with_routes(&ONE_OF_EACH, slow.routes()).await;
    let client = server.client("a");
    for _ in 0..3 {
        let problem = problem(client.get("/panics").await, 500).await;
        assert_eq!(problem["type"], "urn:problem:internal");
    }
    slow.end.send(()).expect("a route");
    assert_eq!(client.get("/slow").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_what_is_computed() {
    let slow = Slow::new();
    let server = Server::with_routes(&ONE_OF_EACH, slow.routes()).await;
    let client = server.client("a");
    let asked = tokio::spawn(async move { client.get("/slow").await });
    slow.begun.notified().await;
    let lifecycle = server.app.lifecycle.clone();
    let stopping = tokio::spawn(server.stop());
    lifecycle.closed().await;
    slow.end.send(()).expect("a route");
    assert!(stopping.await.expect("no panic"), "it was cut off");
    assert_eq!(asked.await.expect("no panic").status(), StatusCode::OK);
}

/// The address of a new document.
async fn add(client: &Client, body: &str) -> String {
    let document = json!({ "title": "t", "body": body });
    let added = client.post("/v1/documents", &document).await;
    header(&added, "location").to_owned()
}

async fn likeness(client: &Client, one: &str, other: &str) -> f64 {
    let id = other.rsplit('/').next().expect("an id");
    let answer = client.get(&format!("{one}/likeness?to={id}")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let found: Value = answer.json().await.expect("JSON");
    found["likeness"].as_f64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_copied_is_like_its_original() {
    let server = Server::start().await;
    let client = server.client("a");
    let original = add(&client, &"Concrete sets in a form. ".repeat(3)).await;
    let copied = add(&client, &"Concrete sets in a frame. ".repeat(3)).await;
    let other = add(&client, "Who lays bricks needs mortar.").await;
    assert_eq!(likeness(&client, &original, &original).await, 1.0);
    let near = likeness(&client, &original, &copied).await;
    let far = likeness(&client, &original, &other).await;
    assert!(0.5 < near && near < 1.0, "{near}");
    assert!(0.0 < far && far < 0.2, "{far}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_must_be_named_and_the_callers() {
    let server = Server::start().await;
    let client = server.client("a");
    let own = add(&client, "mine").await;
    let theirs = server.client("b").create("theirs").await;
    let of_theirs = format!("{own}/likeness?to={}", &theirs["/v1/documents/".len()..]);
    problem(client.get(&of_theirs).await, 404).await;
    problem(client.get(&format!("{own}/likeness")).await, 400).await;
    let written = client.post("/v1/documents", &document("after it")).await;
    assert_eq!(written.status(), StatusCode::CREATED);
}
