//! What the edge does for every request, whichever handler answers it.

use axum::{Router, response::IntoResponse, routing::get};
use http::header::CONTENT_TYPE;
use reqwest::{Method, Response};
use service::app::state::App;

use crate::support::{Client, Server, client::header, document};

async fn ask(client: &Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = client.request(method, path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let routes: Router<App> = Router::new()
        .route("/panics", get(async || -> () { panic!("contained") }))
        .route("/works", get(async || "fine"));
    let variables = [
        ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1"),
        ("APP__RATE_LIMIT__BURST", "4"),
    ];
    let server = Server::with_routes(&variables, routes).await;
    let client = server.stranger();
    for (status, method, path) in [
        (200, Method::GET, "/works"),
        (405, Method::DELETE, "/works"),
        (404, Method::GET, "/nowhere"),
        (500, Method::GET, "/panics"),
        (429, Method::GET, "/works"),
    ] {
        let answer = ask(&client, method, path, &[]).await;
        assert_eq!(answer.status(), status, "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(header(&answer, name), value, "{path}");
        }
        assert!(answer.headers().contains_key("x-request-id"), "{path}");
        assert!(!answer.headers().contains_key("server"), "{path}");
    }
}

const PREFLIGHT: [(&str, &str); 2] = [
    ("access-control-request-method", "POST"),
    (
        "access-control-request-headers",
        "authorization,content-type,idempotency-key",
    ),
];

async fn preflight(client: &Client, origin: &str) -> Response {
    let headers = [("origin", origin), PREFLIGHT[0], PREFLIGHT[1]];
    ask(client, Method::OPTIONS, "/v1/documents", &headers).await
}

#[tokio::test]
async fn no_origin_may_call_unless_it_is_named() {
    const NAMED: &str = "https://app.example.com";
    let closed = Server::start().await;
    let open = Server::with(&[("APP__SERVER__CORS_ORIGINS", NAMED)]).await;
    for (server, origin, is_allowed) in [
        (&closed, NAMED, false),
        (&open, "https://evil.example.com", false),
        (&open, "https://app.example.com.evil.org", false),
        (&open, "null", false),
        (&open, NAMED, true),
    ] {
        let answers = [
            preflight(&server.stranger(), origin).await,
            ask(
                &server.client("a"),
                Method::GET,
                "/v1/documents",
                &[("origin", origin)],
            )
            .await,
            ask(
                &server.stranger(),
                Method::GET,
                "/v1/documents",
                &[("origin", origin)],
            )
            .await,
        ];
        for answer in answers {
            let allowed = answer.headers().get("access-control-allow-origin");
            assert_eq!(
                allowed.is_some_and(|allowed| allowed == origin),
                is_allowed,
                "{origin}"
            );
            assert!(is_allowed || allowed.is_none(), "{allowed:?}");
            let credentials = "access-control-allow-credentials";
            assert!(!answer.headers().contains_key(credentials));
        }
    }
    let answer = preflight(&open.stranger(), NAMED).await;
    assert!(header(&answer, "access-control-allow-methods").contains("POST"));
    let headers = header(&answer, "access-control-allow-headers").to_lowercase();
    for name in [
        "authorization",
        "content-type",
        "idempotency-key",
        "last-event-id",
        "x-request-timeout-ms",
        "traceparent",
    ] {
        assert!(headers.contains(name), "{name} in {headers}");
    }
}

/// A stream of events must reach its reader as it is written, not when a block is full; and a strong `ETag`
/// must not name two different bodies.
#[tokio::test]
async fn json_is_compressed_unless_it_has_an_etag_and_a_stream_of_events_is_not() {
    async fn events() -> impl IntoResponse {
        (
            [(CONTENT_TYPE, "text/event-stream")],
            "data: x\n\n".repeat(1_000),
        )
    }
    let gzip = [("accept-encoding", "gzip")];
    let server = Server::start().await;
    let client = server.client("a");
    let path = client.create(&"x".repeat(200)).await;
    let answer = ask(&client, Method::GET, "/v1/documents", &gzip).await;
    assert_eq!(header(&answer, "content-encoding"), "gzip");
    let mut vary = answer.headers().get_all("vary").iter();
    assert!(vary.any(|names| names == "accept-encoding"));
    let plain = client.get("/v1/documents").await;
    assert!(!plain.headers().contains_key("content-encoding"));
    let named = ask(&client, Method::GET, &path, &gzip).await;
    assert!(named.headers().contains_key("etag"));
    assert!(!named.headers().contains_key("content-encoding"));

    let server = Server::with_routes(&[], Router::new().route("/events", get(events))).await;
    let answer = ask(&server.stranger(), Method::GET, "/events", &gzip).await;
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("content-encoding"));
}

/// One resource, whether a slash is left at the end or not.
#[tokio::test]
async fn a_slash_at_the_end_changes_nothing() {
    let server = Server::start().await;
    let client = server.client("a");
    let created = client.post("/v1/documents/", &document("there")).await;
    assert_eq!(created.status(), 201);
    let path = header(&created, "location").to_owned();
    assert_eq!(client.get(&format!("{path}/")).await.status(), 200);
    assert_eq!(client.get("/v1/documents/?limit=1").await.status(), 200);
    assert_eq!(client.get("/v1/documents?limit=1").await.status(), 200);
    assert_eq!(client.get("/nothing/").await.status(), 404);
}
