//! Reads and writes are admitted apart, each up to its limit.

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use reqwest::Method;
use service::app::state::App;
use tokio::sync::{Notify, Semaphore};

use crate::support::{
    Server,
    client::{header, problem},
    eventually,
};

const ONE_EACH: [(&str, &str); 3] = [
    ("APP__LIMITS__READS", "1"),
    ("APP__LIMITS__WRITES", "1"),
    ("APP__LIMITS__QUEUE_TIMEOUT", "1ms"),
];

/// `/hold` tells that it was entered, and answers once it is let go.
struct Held {
    entered: Arc<Notify>,
    let_go: Arc<Semaphore>,
}

impl Held {
    fn routes() -> (Self, Router<App>) {
        let held = Self {
            entered: Arc::new(Notify::new()),
            let_go: Arc::new(Semaphore::new(0)),
        };
        let (entered, let_go) = (held.entered.clone(), held.let_go.clone());
        let hold = async move || {
            entered.notify_one();
            drop(let_go.acquire().await);
        };
        let routes = Router::new()
            .route("/hold", get(hold.clone()).post(hold))
            .route("/quick", get(async || "read").post(async || "written"));
        (held, routes)
    }
}

#[tokio::test]
async fn a_full_class_says_so_and_the_other_goes_on() {
    for (full, other) in [(Method::GET, Method::POST), (Method::POST, Method::GET)] {
        let (held, routes) = Held::routes();
        let server = Server::with_routes(&ONE_EACH, routes).await;
        let client = server.stranger();
        let holding = tokio::spawn(client.request(full.clone(), "/hold").send());
        held.entered.notified().await;
        let quick = async |method: &Method| {
            let answer = client.request(method.clone(), "/quick").send().await;
            answer.expect("an answer")
        };

        let refused = quick(&full).await;
        assert_eq!(header(&refused, "retry-after"), "1");
        let refused = problem(refused, 503).await;
        assert_eq!(refused["type"], "urn:problem:overloaded");
        assert_eq!(quick(&other).await.status(), 200, "{other} beside {full}");

        held.let_go.add_permits(1);
        let answer = holding.await.expect("no panic").expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(quick(&full).await.status(), 200);
    }
}

/// A client that leaves gives its place back at once; a write that it began runs on and keeps its own.
#[tokio::test]
async fn a_client_that_leaves_a_read_leaves_its_place() {
    let (held, routes) = Held::routes();
    let server = Server::with_routes(&ONE_EACH, routes).await;
    let client = server.stranger();
    let leaves = tokio::spawn(client.request(Method::GET, "/hold").send());
    held.entered.notified().await;
    problem(client.get("/quick").await, 503).await;
    leaves.abort();
    eventually("a free place", async || {
        (client.get("/quick").await.status() == 200).then_some(())
    })
    .await;
}

/// A place is waited for a moment, so that a short burst is no error.
#[tokio::test]
async fn a_short_burst_is_served() {
    let variables = [
        ("APP__LIMITS__WRITES", "1"),
        ("APP__LIMITS__QUEUE_TIMEOUT", "10s"),
    ];
    let routes = Router::new().route("/quick", post(async || "written"));
    let server = Server::with_routes(&variables, routes).await;
    let client = server.stranger();
    let burst: Vec<_> = (0..20)
        .map(|_| tokio::spawn(client.request(Method::POST, "/quick").send()))
        .collect();
    for request in burst {
        let answer = request.await.expect("no panic").expect("an answer");
        assert_eq!(answer.status(), 200);
    }
}
