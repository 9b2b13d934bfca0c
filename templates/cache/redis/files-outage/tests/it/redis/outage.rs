//! Redis is a help and no need: without it there are answers, at once, and with it again all is as before.

mod reader;

use serde_json::Value;

use self::reader::Reader;
use super::{left, usage};
use crate::support::{
    Client, Server,
    client::document,
    eventually,
    proxy::Proxy,
    redis::{address, by_proxy, empty, fresh},
};

const KEPT: (&str, &str) = ("APP__CACHE__TIME_TO_LIVE", "1h");
const READY: (&str, &str) = ("APP__ADMIN__READY_INTERVAL", "10ms");

/// Waits until `/ready` says this of Redis, and so of the service, which is alive and takes requests; gives what it says of
/// Redis. On a machine that is busy the database may be late for one look, which is not what this is about.
async fn says(server: &Server, word: &str) -> Value {
    let admin = Client::new(server.admin);
    assert_eq!(admin.get("/live").await.status(), 200);
    let ready = eventually(word, async || {
        let ready = admin.get("/ready").await;
        let takes_requests = ready.status() == 200;
        let ready: Value = ready.json().await.expect("JSON");
        (takes_requests && ready["status"] == word).then_some(ready)
    })
    .await;
    let cache = ready["checks"]["cache"].clone();
    assert_eq!(cache["status"], word);
    cache
}

/// Reads and writes as ever, each at the cost of a load.
async fn goes_on(client: &Client) {
    let (before, _) = usage(client).await;
    let created = client.post("/v1/documents", &document("through")).await;
    assert_eq!(created.status(), 201);
    assert_eq!(usage(client).await, (before + 1, 1), "nothing is kept");
}

/// The server dies in the middle, and another one comes in its place, which is empty.
#[tokio::test]
async fn it_dies_and_comes_back_empty() {
    let (proxy, url) = by_proxy().await;
    let server = Server::with(&[("APP__CACHE__URL", &url), KEPT, READY]).await;
    let client = server.client("a");
    assert_eq!(usage(&client).await, (0, 1));
    assert_eq!(usage(&client).await, (0, 0));
    assert_eq!(says(&server, "pass").await["output"], Value::Null);

    proxy.cut().await;
    for _ in 0..5 {
        goes_on(&client).await;
    }
    let cause = says(&server, "warn").await;
    let cause = cause["output"].as_str().expect("a cause");
    assert!(cause.starts_with("it"), "{cause}");

    empty(&server.app.config.cache.prefix).await;
    proxy.mend();
    says(&server, "pass").await;
    assert_eq!(usage(&client).await, (5, 1));
    assert_eq!(usage(&client).await, (5, 0), "it is kept again");
}

/// As a server, or what is before it, does with who was quiet for long: the very next call is answered.
#[tokio::test]
async fn it_hangs_up_and_nobody_sees_it() {
    let (proxy, url) = by_proxy().await;
    let variables = [
        ("APP__CACHE__URL", url.as_str()),
        ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1"),
        ("APP__RATE_LIMIT__BURST", "3"),
    ];
    let server = Server::with(&variables).await;
    let client = server.client("a");
    assert_eq!(left(&client.get("/v1/documents").await), 2);
    proxy.cut().await;
    proxy.mend();
    // An instance that counted for itself would begin anew.
    assert_eq!(left(&client.get("/v1/documents").await), 1);
}

/// It accepts, and never answers: worse than one that is gone.
#[tokio::test]
async fn it_falls_silent_and_is_left_alone() {
    let (proxy, url) = by_proxy().await;
    let timeout = ("APP__CACHE__TIMEOUT", "100ms");
    let server = Server::with(&[("APP__CACHE__URL", &url), timeout, KEPT, READY]).await;
    let client = server.client("a");
    usage(&client).await;

    proxy.fall_silent();
    goes_on(&client).await;
    says(&server, "warn").await;
    goes_on(&client).await;
    let before = proxy.connections();
    for _ in 0..10 {
        goes_on(&client).await;
    }
    let tries = proxy.connections() - before;
    assert!(tries < 10, "{tries} tries in 30 requests");

    proxy.fail_over();
    says(&server, "pass").await;
    usage(&client).await;
    eventually("it to be kept again", async || {
        let (_, statements) = usage(&client).await;
        (statements == 0).then_some(())
    })
    .await;
}

/// It is there and refuses: it is full, or was told to. A connection is none the worse for an answer.
#[tokio::test]
async fn what_it_refuses_costs_no_connection() {
    let (proxy, prefix) = (Proxy::to(address()).await, fresh());
    let reader = Reader::of(&prefix).await;
    let url = reader.url_at(proxy.address());
    let variables = [
        ("APP__CACHE__URL", url.as_str()),
        ("APP__CACHE__PREFIX", prefix.as_str()),
        READY,
    ];
    let server = Server::with(&variables).await;
    let client = server.client("a");
    for _ in 0..20 {
        goes_on(&client).await;
    }
    let lines = proxy.connections();
    assert!(lines < 20, "{lines} connections for 100 refusals");
    let cause = says(&server, "warn").await;
    let cause = cause["output"].as_str().expect("a cause");
    assert!(cause.contains("no permissions"), "{cause}");
    reader.remove().await;
}

/// What it refuses is one thing, and what it does is another: a server without room still reads.
#[tokio::test]
async fn what_it_refuses_does_not_have_it_left_alone() {
    let prefix = fresh();
    let reader = Reader::of(&prefix).await;
    let (url, prefix) = (reader.url(), ("APP__CACHE__PREFIX", prefix.as_str()));
    let (limited, free) = ([("APP__CACHE__URL", &*url), prefix, KEPT], [prefix, KEPT]);
    let (server, writer) = tokio::join!(Server::with(&limited), Server::with(&free));
    assert_eq!(usage(&writer.client("a")).await, (0, 1));
    let client = server.client("a");
    for _ in 0..6 {
        assert_eq!(client.get("/v1/documents").await.status(), 200);
    }
    assert_eq!(usage(&client).await, (0, 0));
    reader.remove().await;
}

/// A service starts without it: all instances may be restarted while it is gone.
#[tokio::test]
async fn a_service_starts_without_it() {
    let gone = ("APP__CACHE__URL", "redis://127.0.0.1:1/0");
    let server = Server::with(&[gone, READY]).await;
    goes_on(&server.client("a")).await;
    says(&server, "warn").await;
}

/// Each instance counts for itself: a caller gets more, and never without end.
#[tokio::test]
async fn without_it_each_instance_counts_for_itself() {
    let ((proxy, url), prefix) = (by_proxy().await, fresh());
    let variables = [
        ("APP__CACHE__URL", url.as_str()),
        ("APP__CACHE__PREFIX", prefix.as_str()),
        ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1"),
        ("APP__RATE_LIMIT__BURST", "3"),
    ];
    let (one, other) = tokio::join!(Server::with(&variables), Server::with(&variables));
    let (here, there) = (one.client("a"), other.client("a"));
    let ask = async |client: &Client| {
        let answer = client.get("/v1/documents").await;
        (answer.status().as_u16(), left(&answer))
    };
    assert_eq!(ask(&here).await, (200, 2));
    assert_eq!(ask(&there).await, (200, 1));
    proxy.cut().await;
    for client in [&here, &there] {
        for expected in [(200, 2), (200, 1), (200, 0), (429, 0), (429, 0)] {
            assert_eq!(ask(client).await, expected);
        }
    }
    proxy.mend();
    eventually("them to count together", async || {
        let subject = fresh();
        let counts = (
            ask(&one.client(&subject)).await,
            ask(&other.client(&subject)).await,
        );
        (counts == ((200, 2), (200, 1))).then_some(())
    })
    .await;
    // What was counted together before is still there.
    assert_eq!(ask(&there).await, (200, 0));
    assert_eq!(ask(&here).await, (429, 0));
}
