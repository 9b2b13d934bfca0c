//! P3: a request that is sent again is not done again.

mod answers;
mod claims;
mod crash;
mod keys;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, extract::Path, response::Response as Answered, routing};
use bytes::Bytes;
use reqwest::{Response, StatusCode};
use serde_json::json;
use service::{
    app::{
        body::{Body, Fields, FromFields},
        context::Context,
        idempotency::{Answer, Key, once},
    },
    data::{
        connection::Connection,
        documents::{self, Document},
        meter::Meter,
    },
    edge::{deadline::Deadline, endpoint::on_a_thread, problem::Problem},
    threads::wait,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{
    Client, Server,
    client::{header, problem},
    document,
};

const PATH: &str = "/v1/documents";

fn is_replayed(response: &Response) -> bool {
    response.headers().contains_key("idempotent-replayed")
}

/// Asserts that the answer was given before, and gives it.
async fn replayed(response: Response) -> Bytes {
    assert_eq!(header(&response, "idempotent-replayed"), "true");
    response.bytes().await.expect("a body")
}

/// Asserts that a document was made now, and gives the answer.
async fn made(response: Response) -> Bytes {
    assert_eq!(response.status(), StatusCode::CREATED);
    assert!(!is_replayed(&response));
    response.bytes().await.expect("a body")
}

/// Asserts that a request with the key is running.
async fn in_use(response: Response) {
    assert_eq!(header(&response, "retry-after"), "1");
    let problem = problem(response, 409).await;
    assert_eq!(problem["type"], "urn:problem:idempotency-key-in-use");
}

/// A connection beside those of the requests.
async fn connection(server: &Server) -> Connection {
    let deadline = Deadline::after(std::time::Duration::from_secs(20));
    let lent = server.app.database.write(deadline, &Meter::default()).await;
    lent.expect("a connection")
}

/// Changes what is stored of keys; gives how many it changed.
async fn change(server: &Server, statement: &'static str) -> u64 {
    let mut connection = connection(server).await;
    let changed = connection.execute(sqlx::query(statement)).await;
    changed.expect("a change")
}

const END_LEASES: &str = "UPDATE idempotency_keys SET lease_until = 0";
const END_RETENTION: &str = "UPDATE idempotency_keys SET expires_at = 0";

/// Endpoints whose work makes a document, and then fails as their path says; but only once.
struct Failing {
    server: Server,
    client: Client,
    runs: Arc<AtomicUsize>,
}

impl Failing {
    async fn start() -> Self {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let handler = move |context, Path(how): Path<String>, key, body| {
            fail_once(context, how, key, body, counted.clone())
        };
        let routes = Router::new()
            .route(
                "/fail/{how}",
                routing::post(on_a_thread(handler.clone())).patch(on_a_thread(handler)),
            )
            .route(
                PATH,
                routing::get(on_a_thread(service::app::documents::list)),
            );
        let server = Server::with_routes(&[], routes).await;
        let client = server.client("a");
        Self {
            server,
            client,
            runs,
        }
    }

    async fn post(&self, how: &str, key: &str) -> Response {
        let path = format!("/fail/{how}");
        self.client.post_with_key(&path, key, &json!({})).await
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

struct Empty;

impl FromFields for Empty {
    fn from_fields(_: &mut Fields) -> Self {
        Self
    }
}

fn fail_once(
    mut context: Context,
    how: String,
    key: Key,
    body: Body<Empty>,
    runs: Arc<AtomicUsize>,
) -> Result<Answered, Problem> {
    let tenant = context.caller().tenant.clone();
    once(&mut context, key, body.fingerprint, |transaction| {
        wait(documents::insert(transaction, &tenant, &row()))?;
        if runs.fetch_add(1, Ordering::SeqCst) == 0 {
            fail(&how, transaction)?;
        }
        Answer::json(StatusCode::CREATED, &json!({ "how": how }))
    })
}

fn fail(how: &str, connection: &mut Connection) -> Result<(), Problem> {
    match how {
        "not" => Ok(()),
        "panic" => panic!("as the test wants"),
        "never-end" => wait(std::future::pending()),
        "lose-the-claim" => {
            let taken = sqlx::query("UPDATE idempotency_keys SET token = $1").bind(Uuid::now_v7());
            wait(connection.execute(taken))?;
            Ok(())
        }
        status => {
            let status = status.parse().expect("a status");
            Err(Problem::new(status, "as-the-test-wants").detail("once"))
        }
    }
}

fn row() -> Document {
    Document {
        id: Uuid::now_v7(),
        title: "made".to_owned(),
        body: String::new(),
        version: 1,
        created_at: 0,
        updated_at: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_have_one_effect() {
    let server = Server::start().await;
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let client = server.client("a");
        requests.spawn(async move { client.post_with_key(PATH, "k", &document("one")).await });
    }
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for response in requests.join_all().await {
        match response.status() {
            StatusCode::CREATED if is_replayed(&response) => others.push(response),
            StatusCode::CREATED => first.push(response),
            _ => in_use(response).await,
        }
    }
    assert_eq!(first.len(), 1);
    let first = first.remove(0);
    others.push(
        server
            .client("a")
            .post_with_key(PATH, "k", &document("one"))
            .await,
    );
    for other in &others {
        assert_eq!(
            header(other, "original-request-id"),
            header(&first, "x-request-id")
        );
        assert_ne!(
            header(other, "x-request-id"),
            header(&first, "x-request-id")
        );
        for name in ["location", "etag", "content-type"] {
            assert_eq!(header(other, name), header(&first, name));
        }
    }
    let body = first.bytes().await.expect("a body");
    for other in others {
        assert_eq!(replayed(other).await, body);
    }
    assert_eq!(server.client("a").count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_under_the_same_key_is_refused() {
    let server = Server::start().await;
    let client = server.client("a");
    let first = made(client.post_with_key(PATH, "k", &document("one")).await).await;
    let other = client.post_with_key(PATH, "k", &document("two")).await;
    let problem = problem(other, 422).await;
    assert_eq!(problem["type"], "urn:problem:idempotency-key-reused");
    let again = client.post_with_key(PATH, "k", &document("one")).await;
    assert_eq!(replayed(again).await, first);
    assert_eq!(client.count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_each_request_is_its_own() {
    let server = Server::start().await;
    let client = server.client("a");
    assert_ne!(client.create("one").await, client.create("one").await);
    assert_eq!(client.count().await, 2);
}
