//! Each caller has a share of its own, and is told what is left of it in the fields of
//! draft-ietf-httpapi-ratelimit-headers.

use reqwest::{Method, Response};

use crate::support::{
    Client, Server,
    client::{header, problem},
};

/// So slow that nothing comes back while a test runs.
const TWO: [(&str, &str); 2] = [
    ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1"),
    ("APP__RATE_LIMIT__BURST", "2"),
];

/// `r`, what is left, and `t`, the seconds until there is more.
fn left(answer: &Response) -> (u32, u64) {
    assert_eq!(header(answer, "ratelimit-policy"), "\"default\";q=1;w=60");
    let field = header(answer, "ratelimit");
    let parameters = field.strip_prefix("\"default\";r=").expect("the policy");
    let (remaining, reset) = parameters.split_once(";t=").expect("both");
    (
        remaining.parse().expect("a count"),
        reset.parse().expect("seconds"),
    )
}

async fn exhaust(client: &Client) {
    for remaining in [1, 0] {
        let answer = client.get("/v1/documents").await;
        assert_ne!(answer.status(), 429);
        let (left, reset) = left(&answer);
        assert_eq!(left, remaining);
        assert!((1..=60).contains(&reset), "{reset}");
    }
}

async fn is_refused(client: &Client) {
    let answer = client.get("/v1/documents").await;
    let (left, reset) = left(&answer);
    let wait: u64 = header(&answer, "retry-after").parse().expect("seconds");
    assert_eq!(left, 0);
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(wait >= reset, "it may come back after {wait} s");
    let problem = problem(answer, 429).await;
    assert_eq!(problem["type"], "urn:problem:rate-limited");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let server = Server::with(&TWO).await;
    let client = server.client("a");
    exhaust(&client).await;
    is_refused(&client).await;
    is_refused(&client).await;
}

/// One office behind one address is not one caller.
#[tokio::test]
async fn callers_are_counted_apart() {
    let server = Server::with(&TWO).await;
    let scope = "documents:read";
    exhaust(&server.client_with("a", "t", scope)).await;
    exhaust(&server.client_with("b", "t", scope)).await;
    exhaust(&server.client_with("a", "u", scope)).await;
    exhaust(&server.stranger()).await;
    // Another token of the same caller is the same caller.
    is_refused(&server.client_with("a", "t", "documents:read documents:write")).await;
}

/// To guess at tokens is to ask without one.
#[tokio::test]
async fn those_without_a_credential_are_counted_by_address() {
    let server = Server::with(&TWO).await;
    let guess = |token: &str| server.stranger().credential(&format!("Bearer {token}"));
    assert_eq!(guess("one").get("/v1/documents").await.status(), 401);
    assert_eq!(guess("two").get("/v1/documents").await.status(), 401);
    is_refused(&guess("three")).await;
    is_refused(&server.stranger()).await;
    // From the same address, with a credential.
    exhaust(&server.client("a")).await;
}

async fn from(server: &Server, address: &str) -> u16 {
    let request = server.stranger().request(Method::GET, "/v1/documents");
    let answer = request.header("x-forwarded-for", address).send().await;
    answer.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_about_the_address() {
    let variables = [
        TWO[0],
        TWO[1],
        ("APP__SERVER__TRUSTED_PROXIES", "127.0.0.0/8"),
    ];
    let server = Server::with(&variables).await;
    for address in ["198.51.100.1", "198.51.100.2"] {
        assert_eq!(from(&server, address).await, 401);
        assert_eq!(from(&server, address).await, 401);
        assert_eq!(from(&server, address).await, 429);
    }
    // What stands left of the client was written by the client.
    assert_eq!(from(&server, "203.0.113.9, 198.51.100.1").await, 429);
}

#[tokio::test]
async fn anybody_else_is_not() {
    let server = Server::with(&TWO).await;
    assert_eq!(from(&server, "198.51.100.1").await, 401);
    assert_eq!(from(&server, "198.51.100.2").await, 401);
    assert_eq!(from(&server, "198.51.100.3").await, 429);
}
