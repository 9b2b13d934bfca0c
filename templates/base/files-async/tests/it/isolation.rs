//! P6: a dependency that has become slow slows down nobody who does not need it. It is a stand-in: a server
//! that takes a question and answers when the test says so.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, extract::State, routing};
use reqwest::{Method, Response, StatusCode};
use service::{
    app::{context::Context, router, state::App},
    edge::problem::Problem,
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

use crate::support::{
    Client, Server,
    client::{header, problem},
    document, eventually,
};

/// Many times as many as there are connections to the database.
const SLOW_CALLS: usize = 24;

#[derive(Clone)]
struct Slow {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    answers: Arc<Semaphore>,
}

impl Slow {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let slow = Self {
            address: listener.local_addr().expect("an address"),
            asked: Arc::default(),
            answers: Arc::new(Semaphore::new(0)),
        };
        let answer = async |State(slow): State<Self>| {
            slow.asked.fetch_add(1, Ordering::SeqCst);
            slow.answers.acquire().await.expect("never closed").forget();
        };
        let routes = Router::new().fallback(answer).with_state(slow.clone());
        tokio::spawn(async { axum::serve(listener, routes).await });
        slow
    }

    /// Waits until so many questions are waiting for their answer.
    async fn is_asked(&self, questions: usize) {
        eventually("the questions", async || {
            (self.asked.load(Ordering::SeqCst) == questions).then_some(())
        })
        .await;
    }
}

/// The application, and beside it a route that reads, then asks the slow one.
fn beside(slow: &Slow) -> Router<App> {
    let address = slow.address;
    let handler = move |context| read_then_ask(context, address);
    let (application, _) = router::routes().split_for_parts();
    application.route("/slow", routing::get(handler).post(handler))
}

async fn read_then_ask(mut context: Context, slow: SocketAddr) -> Result<(), Problem> {
    let read = sqlx::query_scalar::<_, i64>("SELECT CAST(1 AS BIGINT)");
    context.read().await?.scalar(read).await?;
    let external = context.external();
    let question = external.client().get(format!("http://{slow}/"));
    let answer = external.send(question).await;
    answer.map(drop).map_err(|error| Problem::internal(&error))
}

/// Calls that go on until the slow one answers.
#[derive(Default)]
struct Calls(JoinSet<Response>);

impl Calls {
    fn begin(&mut self, server: &Server, method: Method) {
        let request = server.client("a").request(method, "/slow");
        self.0
            .spawn(async { request.send().await.expect("an answer") });
    }

    /// Asserts that not one of them has been answered yet.
    fn assert_waiting(&mut self) {
        assert!(self.0.try_join_next().is_none());
    }

    async fn assert_answered(self) {
        for answer in self.0.join_all().await {
            assert_eq!(answer.status(), StatusCode::OK);
        }
    }
}

/// Every operation of the sample.
async fn use_everything(client: &Client) {
    let path = client.create("one").await;
    client.replace(&path, "two").await;
    assert_eq!(client.count().await, 1);
    assert_eq!(client.get("/v1/usage").await.status(), StatusCode::OK);
    client.remove(&path).await;
}

#[tokio::test]
async fn a_slow_dependency_costs_the_others_nothing() {
    let slow = Slow::start().await;
    let variables = [("APP__DATABASE__READ_CONNECTIONS", "2")];
    let server = Server::with_routes(&variables, beside(&slow)).await;
    let mut calls = Calls::default();
    for method in [Method::GET, Method::POST] {
        for _ in 0..SLOW_CALLS {
            calls.begin(&server, method.clone());
        }
    }
    slow.is_asked(2 * SLOW_CALLS).await;

    eventually("connections that are given back", async || {
        let pools = server.app.database.pools();
        pools
            .iter()
            .all(|(_, in_use, _)| *in_use == 0)
            .then_some(())
    })
    .await;
    for _ in 0..5 {
        use_everything(&server.client("b")).await;
    }
    calls.assert_waiting();

    slow.answers.add_permits(2 * SLOW_CALLS);
    calls.assert_answered().await;
}

#[tokio::test]
async fn who_finds_no_place_is_told_when_to_come_back() {
    let slow = Slow::start().await;
    let server = Server::with_routes(&[("APP__LIMITS__READS", "3")], beside(&slow)).await;
    let client = server.client("b");
    let mut calls = Calls::default();
    for _ in 0..3 {
        calls.begin(&server, Method::GET);
    }
    slow.is_asked(3).await;

    let refused = client.get("/v1/usage").await;
    assert_eq!(header(&refused, "retry-after"), "1");
    let problem = problem(refused, 503).await;
    assert_eq!(problem["type"], "urn:problem:overloaded");
    // Another class has places of its own.
    client.create("meanwhile").await;
    calls.assert_waiting();

    slow.answers.add_permits(3);
    calls.assert_answered().await;
    assert_eq!(client.get("/v1/usage").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_change_keeps_its_place_when_its_client_has_left() {
    let slow = Slow::start().await;
    let server = Server::with_routes(&[("APP__LIMITS__WRITES", "1")], beside(&slow)).await;
    let client = server.client("b");
    let mut calls = Calls::default();
    calls.begin(&server, Method::POST);
    slow.is_asked(1).await;
    calls.0.shutdown().await;

    // Or one caller could begin as many as it likes, by leaving each.
    let one = document("one");
    problem(client.post("/v1/documents", &one).await, 503).await;
    slow.answers.add_permits(1);
    eventually("a place", async || {
        let created = client.post("/v1/documents", &one).await;
        (created.status() == StatusCode::CREATED).then_some(())
    })
    .await;
}
