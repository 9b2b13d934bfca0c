//! What a key may be, and what it is a key of.

use reqwest::{Method, Response, header::HeaderValue};
use serde_json::json;

use super::{Failing, PATH, made, replayed};
use crate::support::{Client, Server, client::problem, document};

async fn post(client: &Client, key: &[u8]) -> Response {
    let key = HeaderValue::from_bytes(key).expect("a header");
    let request = client.request(Method::POST, PATH);
    let request = request.header("idempotency-key", key);
    let answer = request.json(&document("one")).send().await;
    answer.expect("an answer")
}

#[tokio::test]
async fn a_malformed_key_is_refused() {
    let server = Server::start().await;
    let client = server.client("a");
    let too_long = [b'k'; 256];
    let malformed: [&[u8]; 6] = [
        b"",
        b"\"\"",
        b"two words",
        b"tab\there",
        "schl\u{fc}ssel".as_bytes(),
        &too_long,
    ];
    for key in malformed {
        let problem = problem(post(&client, key).await, 400).await;
        assert_eq!(problem["type"], "urn:problem:idempotency-key-malformed");
    }
    assert_eq!(client.count().await, 0);
    made(post(&client, &too_long[1..]).await).await;
}

#[tokio::test]
async fn a_quoted_key_and_a_bare_one_are_the_same() {
    let server = Server::start().await;
    let client = server.client("a");
    let first = made(post(&client, b"\"k\"").await).await;
    assert_eq!(replayed(post(&client, b"k").await).await, first);
    assert_eq!(client.count().await, 1);
}

#[tokio::test]
async fn callers_do_not_share_keys() {
    let server = Server::start().await;
    let scope = "documents:read documents:write";
    let callers = [
        server.client_with("a", "t", scope),
        server.client_with("b", "t", scope),
        server.client_with("a", "u", scope),
        // Names that would run together if they were only joined.
        server.client_with("ta", "t", scope),
        server.client_with("a", "tt", scope),
    ];
    for caller in &callers {
        made(post(caller, b"k").await).await;
    }
    assert_eq!(callers[0].count().await, 3);
}

#[tokio::test]
async fn methods_and_paths_do_not_share_keys() {
    let failing = Failing::start().await;
    for path in ["/fail/not", "/fail/201"] {
        for method in [Method::POST, Method::PATCH] {
            let request = failing.client.request(method, path);
            let request = request.header("idempotency-key", "k").json(&json!({}));
            made(request.send().await.expect("an answer")).await;
        }
    }
    assert_eq!(failing.runs(), 4);
}
