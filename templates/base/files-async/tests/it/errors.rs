//! Every error that leaves the service is a problem detail (RFC 9457) that names its request, and tells what
//! its reader may know and no more.

use std::time::Duration;

use axum::{Router, routing::get};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use service::{
    app::{context::Context, state::App},
    edge::problem::Problem,
};

use crate::support::{
    Client, Connection, Server,
    client::{document, header, problem},
};

/// What must not be seen outside.
const CAUSE: &str = "the-cause-that-only-the-log-may-hold";

fn create(client: &Client, body: &'static str) -> RequestBuilder {
    client
        .request(Method::POST, "/v1/documents")
        .header("content-type", "application/json")
        .body(body)
}

#[tokio::test]
async fn every_refusal_is_a_problem() {
    let server = Server::start().await;
    let client = server.client("a");
    let path = client.create("there").await;
    let on = |method: Method, path: &str| client.request(method, path);
    let change = || on(Method::PUT, &path).json(&document("changed"));
    let refusals = [
        (404, "not-found", on(Method::GET, "/nowhere")),
        (
            404,
            "not-found",
            on(Method::GET, "/v1/documents/not-a-uuid"),
        ),
        (
            404,
            "not-found",
            on(Method::DELETE, "/v1/documents/not-a-uuid"),
        ),
        (
            405,
            "method-not-allowed",
            on(Method::PATCH, "/v1/documents"),
        ),
        (
            400,
            "bad-request",
            on(Method::GET, "/v1/documents?limit=many"),
        ),
        (400, "bad-request", on(Method::GET, "/v1/documents?limit=0")),
        (
            400,
            "bad-request",
            on(Method::GET, "/v1/documents?limit=251"),
        ),
        (
            400,
            "bad-request",
            on(Method::GET, "/v1/documents?cursor=made-up"),
        ),
        (400, "bad-request", create(&client, "{")),
        (400, "bad-request", create(&client, "")),
        (422, "invalid-fields", create(&client, "[]")),
        (422, "invalid-fields", create(&client, "{}")),
        (
            400,
            "idempotency-key-malformed",
            create(&client, "{}").header("idempotency-key", "two words"),
        ),
        (
            415,
            "unsupported-media-type",
            on(Method::POST, "/v1/documents").body("text"),
        ),
        (428, "if-match-required", change()),
        (
            412,
            "changed-meanwhile",
            change().header("if-match", "\"v7\""),
        ),
        (
            401,
            "unauthenticated",
            server.stranger().request(Method::GET, "/v1/documents"),
        ),
    ];
    for (number, (status, kind, request)) in refusals.into_iter().enumerate() {
        let id = format!("request-{number}");
        let answer = request.header("x-request-id", &id).send().await;
        let problem = problem(answer.expect("an answer"), status).await;
        assert_eq!(problem["type"], format!("urn:problem:{kind}"));
        assert_eq!(problem["instance"], id);
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start().await;
    let client = server.client("a");
    for (path, allowed) in [
        ("/v1/documents", vec!["GET", "POST"]),
        ("/v1/documents/any", vec!["DELETE", "GET", "PUT"]),
        ("/v1/usage", vec!["GET"]),
    ] {
        let answer = client.request(Method::PATCH, path).send().await;
        let answer = answer.expect("an answer");
        let told = header(&answer, "allow").to_owned();
        problem(answer, 405).await;
        let mut told: Vec<&str> = told.split(',').map(str::trim).collect();
        told.retain(|method| *method != "HEAD");
        told.sort_unstable();
        assert_eq!(told, allowed, "{path}");
    }
}

#[tokio::test]
async fn every_field_that_does_not_hold_is_named_at_once() {
    let server = Server::start().await;
    let client = server.client("a");
    let body = json!({ "title": "", "body": 7, "titel": "misspelt" });
    let problem = problem(client.post("/v1/documents", &body).await, 422).await;
    let errors = problem["errors"].as_array().expect("errors");
    let pointers: Vec<_> = errors.iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/title", "/body", "/titel"]);
    assert!(errors.iter().all(|error| error["detail"].is_string()));
}

#[tokio::test]
async fn a_query_that_does_not_hold_is_named() {
    let server = Server::start().await;
    let answer = server.client("a").get("/v1/documents?limit=many").await;
    let detail = problem(answer, 400).await["detail"].to_string();
    assert!(
        detail.contains("the query does not hold: limit: "),
        "{detail}"
    );
}

/// Such a head never reaches the service: hyper refuses it.
#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_with_a_problem() {
    let server = Server::start().await;
    let head = |line: &str, more: &str| format!("{line}\r\nhost: test\r\n{more}\r\n");
    let large = format!("x-large: {}\r\n", "x".repeat(40 * 1024));
    for (status, kind, head) in [
        (400, "bad-request", head("GET /two words HTTP/1.1", "")),
        (431, "head-too-large", head("GET / HTTP/1.1", &large)),
    ] {
        let mut connection = Connection::open(server.address).await;
        // Nor does it matter whether it is the connection's first.
        connection.get("/nowhere", "").await;
        assert_eq!(connection.answer().await.status, 404);
        connection.send(&head).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, status);
        let problem: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(problem["type"], format!("urn:problem:{kind}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["instance"].as_str(), answer.header("x-request-id"));
        for (name, value) in [
            ("content-type", "application/problem+json"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("connection", "close"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let server = Server::with(&[("APP__SERVER__BODY_LIMIT", "1KiB")]).await;
    let client = server.client("a");
    let mut connection = Connection::open(server.address).await;
    let head = format!(
        "POST /v1/documents HTTP/1.1\r\nhost: test\r\nauthorization: {}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\n",
        client.authorization()
    );
    connection.send(&head).await;
    connection.send("content-length: 1025\r\n\r\n").await;
    let answer = connection.answer().await;
    assert_eq!(answer.status, 413);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    // One that fits does pass.
    let fits = client
        .post("/v1/documents", &document(&"x".repeat(200)))
        .await;
    assert_eq!(fits.status(), 201);
}

/// A body without a stated length is counted as it comes: it never has to be held to be refused.
#[tokio::test]
async fn an_endless_body_is_refused_early() {
    const ENOUGH: usize = 64 * 1024 * 1024;
    let server = Server::with(&[("APP__SERVER__BODY_LIMIT", "64KiB")]).await;
    let mut connection = Connection::open(server.address).await;
    let head = format!(
        "POST /v1/documents HTTP/1.1\r\nhost: test\r\nauthorization: {}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        server.client("a").authorization()
    );
    connection.send(&head).await;
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let mut sent = 0;
    // The system takes some megabytes before the refusal shows.
    while sent < ENOUGH && connection.is_silent_for(Duration::ZERO).await {
        match connection.try_send(chunk.as_bytes()).await {
            Ok(()) => sent += chunk.len(),
            Err(_) => break,
        }
    }
    assert!(sent < ENOUGH, "all of it was read");
    assert_eq!(connection.answer().await.status, 413);
}

#[tokio::test]
async fn a_request_past_its_deadline_is_answered() {
    let routes: Router<App> = Router::new().route("/never", get(std::future::pending::<()>));
    let server = Server::with_routes(&[], routes).await;
    let request = server.stranger().request(Method::GET, "/never");
    let answer = request.header("x-request-timeout-ms", "50").send().await;
    let problem = problem(answer.expect("an answer"), 504).await;
    assert_eq!(problem["type"], "urn:problem:deadline-exceeded");
}

#[tokio::test]
async fn a_panic_is_contained_and_its_connection_works_on() {
    async fn panics() -> &'static str {
        panic!("{CAUSE}")
    }
    let routes: Router<App> = Router::new()
        .route("/panics", get(panics).post(panics))
        .route("/works", get(async || "fine"));
    let server = Server::with_routes(&[], routes).await;
    let mut connection = Connection::open(server.address).await;
    for head in ["GET", "POST"] {
        let request = format!("{head} /panics HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
        connection.send(&request).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, 500);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert!(
            answer.body.contains("urn:problem:internal"),
            "{}",
            answer.body
        );
        assert!(!answer.body.contains(CAUSE), "{}", answer.body);
    }
    connection.get("/works", "").await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "fine"));
}

#[tokio::test]
async fn causes_stay_inside() {
    async fn internal() -> Problem {
        Problem::internal(&CAUSE)
    }
    async fn statement(mut context: Context) -> Result<(), Problem> {
        let query = sqlx::query("SELECT nothing FROM the_cause_that_only_the_log_may_hold");
        context.read().await?.execute(query).await?;
        Ok(())
    }
    let routes: Router<App> = Router::new()
        .route("/internal", get(internal))
        .route("/statement", get(statement));
    let server = Server::with_routes(&[], routes).await;
    let client = server.client("a");
    for path in ["/internal", "/statement"] {
        let problem = problem(client.get(path).await, 500).await;
        let told: Vec<&String> = problem.as_object().expect("an object").keys().collect();
        assert_eq!(told, ["instance", "status", "title", "type"], "{path}");
        assert!(!problem.to_string().contains("only"), "{problem}");
    }
}

#[tokio::test]
async fn a_request_id_that_could_forge_a_log_line_is_replaced() {
    let server = Server::start().await;
    for id in ["two words", "", &"x".repeat(129)] {
        let request = server.stranger().request(Method::GET, "/nowhere");
        let answer = request.header("x-request-id", id).send().await;
        let problem = problem(answer.expect("an answer"), 404).await;
        assert_ne!(problem["instance"], id);
    }
}
