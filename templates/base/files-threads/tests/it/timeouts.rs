//! P2: every wait has a bound, and what ends at it ends for good.

mod outward;
mod reception;
mod statements;

use std::{future::pending, time::Duration};

use axum::{Router, routing};
use reqwest::{Method, Response, StatusCode};
use service::{
    app::{context::Context, state::App},
    data::meter::Meter,
    edge::{deadline::Deadline, endpoint::on_a_thread, problem::Problem},
    threads::wait,
};
use tokio::task::JoinSet;

use crate::support::{Client, Connection, Server, client::problem, credential, document};

/// Far more than a loaded machine adds to a bound, and less than any bound that is not set here.
const PATIENCE: Duration = Duration::from_secs(8);

/// The server's own bound of a request, and below it what it must be longer than.
const SHORT: [(&str, &str); 2] = [
    ("APP__DATABASE__ACQUIRE_TIMEOUT", "100ms"),
    ("APP__SERVER__REQUEST_TIMEOUT", "300ms"),
];

/// The value of `Authorization` of somebody who may write.
fn authorization(server: &Server) -> String {
    credential::issue(&server.app.config, "a", "a", "documents:write")
}

/// Asks with a deadline; fails when the answer takes longer than that and what a loaded machine adds.
async fn ask_within(client: &Client, method: Method, path: &str, milliseconds: u64) -> Response {
    let request = client
        .request(method, path)
        .header("x-request-timeout-ms", milliseconds)
        .timeout(PATIENCE);
    request.send().await.expect("an answer in time")
}

/// An endpoint that would never answer.
fn never() -> Router<App> {
    Router::new().route("/never", routing::any(pending::<()>))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_how_long_it_waits_is_answered_then() {
    let server = Server::with_routes(&[], never()).await;
    for method in [Method::GET, Method::POST] {
        let late = ask_within(&server.client("a"), method, "/never", 100).await;
        assert_eq!(
            problem(late, 504).await["type"],
            "urn:problem:deadline-exceeded"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_longer_than_the_server_allows() {
    let server = Server::with_routes(&SHORT, never()).await;
    let mut asked = JoinSet::new();
    for patience in ["600000", "18446744073709551615", "", "soon", "-1", "1.5"] {
        let request = server.client("a").request(Method::GET, "/never");
        let request = request.header("x-request-timeout-ms", patience);
        asked.spawn(request.timeout(PATIENCE).send());
    }
    for answer in asked.join_all().await {
        problem(answer.expect("an answer in time"), 504).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_nothing_else_would_end_ends_at_the_deadline() {
    let routes = Router::new().route("/held", routing::post(on_a_thread(hold)));
    let server = Server::with_routes(&[], routes).await;
    let client = server.client("a");
    problem(ask_within(&client, Method::POST, "/held", 100).await, 504).await;

    // The only connection that writes is free again.
    let database = &server.app.database;
    let transaction = database
        .begin(Deadline::after(PATIENCE), &Meter::default())
        .await;
    transaction.expect("the connection that the work held");
}

/// Waits for what never comes, with a transaction open.
fn hold(mut context: Context) -> Result<StatusCode, Problem> {
    let transaction = context.begin()?;
    wait(pending::<()>());
    transaction.commit()?;
    Ok(StatusCode::NO_CONTENT)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_given_up_wrote_nothing() {
    let server = Server::start().await;
    let body = document("late").to_string();
    let head = format!(
        "POST /v1/documents HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
         authorization: {}\r\nidempotency-key: k\r\nx-request-timeout-ms: 100\r\n\
         content-length: {}\r\n\r\n",
        authorization(&server),
        body.len()
    );
    let mut connection = Connection::open(server.address).await;
    connection.send(&head).await;
    assert_eq!(connection.answer().await.status, 504);
    // By now the other side may have closed.
    connection.try_send(body.as_bytes()).await.ok();

    let client = server.client("a");
    let late = document("late");
    let again = client.post_with_key("/v1/documents", "k", &late).await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert!(!again.headers().contains_key("idempotent-replayed"));
    assert_eq!(client.count().await, 1);
}
