//! P9: what may be kept is said on every answer, and nothing that is kept reaches another tenant.

use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::{Method, Response};
use serde_json::Value;
use service::{
    app::{caller::Caller, state::App},
    data::cache_key::{CacheKey, Scope},
    edge::problem::Problem,
};
use tokio::task::block_in_place;

use crate::support::{
    Client, Server,
    client::{document, header, problem},
};

/// What `client` stores, by its own account.
async fn usage(client: &Client) -> i64 {
    let usage: Value = client.get("/v1/usage").await.json().await.expect("JSON");
    usage["documents"].as_i64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_never_share_what_is_cached() {
    let server = Server::start().await;
    let tenants = ["a", "ab", "b", "a:b"].map(|tenant| server.client(tenant));
    for (count, tenant) in tenants.iter().enumerate() {
        for _ in 0..count {
            tenant.create("counted").await;
        }
    }
    // Each in turn, again and again: whoever reads first fills the cache.
    for _ in 0..3 {
        for (count, tenant) in (0..).zip(&tenants) {
            assert_eq!(usage(tenant).await, count);
        }
    }
    // Callers of one tenant may share.
    let colleague = server.client_with("colleague", "b", "documents:read");
    assert_eq!(usage(&colleague).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_load_is_not_kept() {
    let server = Server::start().await;
    let caller = Caller {
        subject: "s".to_owned(),
        tenant: "t".to_owned(),
        scopes: Default::default(),
    };
    let loads = AtomicU32::new(0);
    assert!(block_in_place(|| flaky(&server.app, &caller, &loads)).is_err());
    let loaded = block_in_place(|| flaky(&server.app, &caller, &loads));
    assert_eq!(loaded.expect("a value"), 1);
}

/// A load that fails the first time.
fn flaky(app: &App, caller: &Caller, loads: &AtomicU32) -> Result<u32, Problem> {
    let key = CacheKey::new(Scope::Caller(caller), "flaky", &[]);
    let load = || match loads.fetch_add(1, Ordering::Relaxed) {
        0 => Err(Problem::not_found()),
        count => Ok(count),
    };
    app.cache.get_or_load(key, load)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_whether_it_may_be_kept() {
    let server = Server::start().await;
    let (client, stranger) = (server.client("a"), server.stranger());
    let path = client.create("there").await;
    let send = async |client: &Client, method: Method, path: &str| -> Response {
        let request = client.request(method, path).json(&document("new"));
        let request = request.header("if-match", "*");
        request.send().await.expect("an answer")
    };
    let answers = [
        (201, send(&client, Method::POST, "/v1/documents").await),
        (
            422,
            client.post("/v1/documents", &Value::Array(vec![])).await,
        ),
        (200, client.get("/v1/documents").await),
        (400, client.get("/v1/documents?limit=0").await),
        (200, client.get(&path).await),
        (200, client.get("/v1/usage").await),
        (200, send(&client, Method::PUT, &path).await),
        (204, send(&client, Method::DELETE, &path).await),
        (404, client.get(&path).await),
        (405, send(&client, Method::PATCH, &path).await),
        (404, client.get("/nowhere").await),
        (404, stranger.get("/nowhere").await),
        (401, stranger.get(&path).await),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status(), status, "{}", answer.url());
        assert_eq!(header(&answer, "cache-control"), "no-store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let server = Server::start().await;
    let client = server.client("a");
    let path = client.create("there").await;
    let ask = async |tag: &str| {
        let request = client.request(Method::GET, &path);
        let answer = request.header("if-none-match", tag).send().await;
        answer.expect("an answer")
    };
    let tag = header(&client.get(&path).await, "etag").to_owned();
    assert!(tag.starts_with('"'), "{tag} is strong");

    let known = ask(&tag).await;
    assert_eq!(known.status(), 304);
    assert_eq!(header(&known, "etag"), tag);
    assert_eq!(header(&known, "cache-control"), "no-store");
    assert_eq!(known.bytes().await.expect("an end").len(), 0);

    let change = client.request(Method::PUT, &path).json(&document("new"));
    let changed = change.header("if-match", &tag).send().await;
    let changed = changed.expect("an answer");
    assert_eq!(changed.status(), 200);
    let newer = header(&changed, "etag").to_owned();
    assert_ne!(newer, tag);
    assert_eq!(ask(&tag).await.status(), 200);
    assert_eq!(ask(&newer).await.status(), 304);

    // The tag of a version that is gone changes nothing.
    let late = client.request(Method::PUT, &path).json(&document("late"));
    let late = late.header("if-match", &tag).send().await;
    problem(late.expect("an answer"), 412).await;
}

/// HEAD is GET without its body.
#[tokio::test(flavor = "multi_thread")]
async fn head_says_what_get_would() {
    let server = Server::start().await;
    let client = server.client("a");
    let path = client.create("there").await;
    let got = client.get(&path).await;
    let headed = client.request(Method::HEAD, &path).send().await;
    let headed = headed.expect("an answer");
    assert_eq!(headed.status(), 200);
    for name in ["etag", "content-type", "content-length", "cache-control"] {
        assert_eq!(header(&headed, name), header(&got, name), "{name}");
    }
}
