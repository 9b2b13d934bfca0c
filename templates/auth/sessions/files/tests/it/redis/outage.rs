//! Without Redis nobody's session can be looked up: those who come with one are asked to come back, never let in and never
//! told that it is over. All others are answered, and with Redis again all is as before.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::left;
use crate::support::{
    Client, Server,
    client::problem,
    eventually,
    redis::{by_proxy, empty},
    sender::Signed,
};

const READY: (&str, &str) = ("APP__ADMIN__READY_INTERVAL", "10ms");

/// Waits until `/ready` says this of Redis, and that the service takes requests: another instance would miss Redis too. On a
/// machine that is busy the database may be late for one look, which is not what this is about.
async fn says(server: &Server, word: &str) {
    eventually(word, async || {
        let ready = Client::new(server.admin).get("/ready").await;
        let takes_requests = ready.status() == 200;
        let ready: Value = ready.json().await.expect("JSON");
        (takes_requests && ready["checks"]["cache"]["status"] == word).then_some(())
    })
    .await;
}

async fn is_put_off(answer: Response) {
    assert!(answer.headers().contains_key("retry-after"));
    let problem = problem(answer, 503).await;
    assert_eq!(problem["type"], "urn:problem:sessions-unavailable");
}

/// An operation that needs no session, and commits.
async fn is_served(server: &Server) {
    let body = json!({ "type": "test.sent", "data": {} }).to_string();
    let request = server.stranger().request(Method::POST, "/v1/hooks");
    let sent = Signed::now(&Uuid::now_v7().to_string(), &body).on(request);
    assert_eq!(sent.send().await.expect("an answer").status(), 202);
}

/// All that has to do with sessions, and who has none at all.
async fn goes_on_without(server: &Server, client: &Client) {
    is_put_off(client.get("/v1/documents").await).await;
    let logout = client.request(Method::DELETE, "/v1/session").send().await;
    is_put_off(logout.expect("an answer")).await;
    let login = json!({ "name": "ada", "password": "correct horse battery staple" });
    is_put_off(server.stranger().post("/v1/session", &login).await).await;
    problem(server.stranger().get("/v1/documents").await, 401).await;
    is_served(server).await;
    // What cannot be an id is judged without Redis.
    let nonsense = server.stranger().credential("Bearer nonsense");
    problem(nonsense.get("/v1/documents").await, 401).await;
}

async fn comes_back(client: &Client) {
    eventually("the session", async || {
        let answer = client.get("/v1/documents").await;
        (answer.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_dies_and_comes_back() {
    let (proxy, url) = by_proxy().await;
    let server = Server::with(&[("APP__CACHE__URL", &url), READY]).await;
    let client = server.client("a");
    assert_eq!(client.get("/v1/documents").await.status(), 200);
    says(&server, "pass").await;

    proxy.cut().await;
    // More than it takes to be left alone.
    for _ in 0..3 {
        goes_on_without(&server, &client).await;
    }
    says(&server, "warn").await;

    proxy.mend();
    comes_back(&client).await;
    says(&server, "pass").await;

    // A server that has written nothing down begins anew, and so do its users.
    empty(&server.app.config.cache.prefix).await;
    problem(client.get("/v1/documents").await, 401).await;
    let again = server.client("a");
    assert_eq!(again.get("/v1/documents").await.status(), 200);
}

/// As a server, or what is before it, does with who was quiet for long: nobody is put off for it, and many at once do not have
/// it left alone.
#[tokio::test]
async fn it_hangs_up_and_nobody_sees_it() {
    let (proxy, url) = by_proxy().await;
    let server = Server::with(&[("APP__CACHE__URL", &url)]).await;
    let client = server.client("a");
    assert_eq!(client.get("/v1/documents").await.status(), 200);
    proxy.cut().await;
    proxy.mend();
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let client = client.clone();
        asking.spawn(async move { client.get("/v1/documents").await.status() });
    }
    let answers = asking.join_all().await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
}

/// It accepts, and never answers: worse than one that is gone.
#[tokio::test]
async fn it_falls_silent_and_is_left_alone() {
    let (proxy, url) = by_proxy().await;
    let timeout = ("APP__CACHE__TIMEOUT", "100ms");
    let server = Server::with(&[("APP__CACHE__URL", &url), timeout, READY]).await;
    let client = server.client("a");
    comes_back(&client).await;

    proxy.fall_silent();
    for _ in 0..3 {
        goes_on_without(&server, &client).await;
    }
    says(&server, "warn").await;
    let before = proxy.connections();
    for _ in 0..30 {
        is_put_off(client.get("/v1/documents").await).await;
    }
    let tries = proxy.connections() - before;
    assert!(tries < 20, "{tries} tries in 30 requests");

    proxy.fail_over();
    comes_back(&client).await;
}

/// A service starts without it: all instances may be restarted while it is gone.
#[tokio::test]
async fn a_service_starts_without_it() {
    let gone = ("APP__CACHE__URL", "redis://127.0.0.1:1/0");
    let server = Server::with(&[gone, READY]).await;
    goes_on_without(&server, &server.client("a")).await;
    says(&server, "warn").await;
}

/// Each instance counts for itself: nobody asks without end.
#[tokio::test]
async fn without_it_each_instance_counts_for_itself() {
    let gone = [
        ("APP__CACHE__URL", "redis://127.0.0.1:1/0"),
        ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1"),
        ("APP__RATE_LIMIT__BURST", "3"),
    ];
    let server = Server::with(&gone).await;
    let client = server.client("a");
    for (status, remaining) in [(503, 2), (503, 1), (503, 0), (429, 0), (429, 0)] {
        let answer = client.get("/v1/documents").await;
        assert_eq!(
            (answer.status().as_u16(), left(&answer)),
            (status, remaining)
        );
    }
}
