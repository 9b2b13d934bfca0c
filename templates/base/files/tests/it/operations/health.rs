//! `/live` and `/ready`: the one says that the process should be killed, the other that no request should be
//! sent to it.

use std::sync::Arc;

use axum::{Router, body::Body, routing::get};
use http::Request;
use serde_json::Value;
use service::{
    app::state::App,
    edge::{
        admin::{self, Health},
        server::Pulse,
    },
};
use temp_dir::TempDir;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::support::{
    Client, Process, Server,
    client::{document, header, problem},
    eventually,
    process::run,
};

#[tokio::test]
async fn both_say_what_they_looked_at() {
    let server = Server::start().await;
    let admin = Client::new(server.admin);
    for (path, needs) in [
        ("/live", vec!["accept"]),
        ("/ready", vec!["database", "draining", "migrations"]),
    ] {
        let answer = admin.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["status"], "pass");
        let found = answer["checks"].as_object().expect("checks");
        assert!(
            needs.iter().all(|name| found.contains_key(*name)),
            "{found:?}"
        );
        assert!(
            found.values().all(|check| check["status"] == "pass"),
            "{found:?}"
        );
    }
    for path in ["/live", "/ready"] {
        let public = server.stranger().get(path).await;
        assert_eq!(public.status(), 404, "{path} is not for the public");
    }
}

#[tokio::test]
async fn draining_is_not_ready_and_alive() {
    let server = Server::start().await;
    let admin = Client::new(server.admin);
    server.app.lifecycle.drain();
    let ready = admin.get("/ready").await;
    assert_eq!(ready.status(), 503);
    let ready: Value = ready.json().await.expect("JSON");
    assert_eq!(ready["checks"]["draining"]["status"], "fail");
    assert_eq!(admin.get("/live").await.status(), 200);
    assert_eq!(server.client("a").get("/v1/documents").await.status(), 200);
}

/// What a container's health check runs, in an image that has nothing else to ask with.
#[tokio::test]
async fn the_health_command_tells_the_instance_beside_it() {
    let folder = TempDir::new().expect("a folder");
    let process = Process::start(folder.path(), &[("APP__SERVER__DRAIN_DELAY", "1h")]).await;
    let admin = process.admin.to_string();
    let ask = async |arguments: &[&str]| {
        run(folder.path(), &[("APP__ADMIN__ADDRESS", &admin)], arguments).await
    };
    let well = ask(&["health", "--ready"]).await;
    assert!(well.status.success(), "{well:?}");
    process.signal("TERM");
    eventually("it to be not ready", async || {
        (ask(&["health", "--ready"]).await.status.code() == Some(1)).then_some(())
    })
    .await;
    assert!(ask(&["health"]).await.status.success(), "it drains");
    process.kill().await;
    let gone = ask(&["health"]).await;
    assert_eq!(gone.status.code(), Some(1));
    let said = String::from_utf8(gone.stderr).expect("text");
    assert!(said.contains("does not answer"), "{said}");
}

/// That a dependency is down is no reason to restart: all instances would do so, over and over.
#[tokio::test]
async fn a_lost_database_is_not_ready_and_alive() {
    let server = Server::with(&[("APP__ADMIN__READY_INTERVAL", "10ms")]).await;
    let (admin, client) = (Client::new(server.admin), server.client("a"));
    let path = client.create("kept").await;
    server.app.database.close().await;
    eventually("/ready to fail", async || {
        (admin.get("/ready").await.status() == 503).then_some(())
    })
    .await;
    assert_eq!(admin.get("/live").await.status(), 200);
    for answer in [
        client.get(&path).await,
        client.get("/v1/documents").await,
        client.post("/v1/documents", &document("lost")).await,
    ] {
        assert_eq!(header(&answer, "retry-after"), "1");
        let problem = problem(answer, 503).await;
        assert_eq!(problem["type"], "urn:problem:database-unavailable");
    }
}

/// The loop that accepts has stopped turning: nobody is served, so somebody must restart the process.
#[tokio::test]
async fn a_stuck_accept_loop_is_not_alive() {
    let server = Server::with(&[("APP__ADMIN__LIVE_TIMEOUT", "50ms")]).await;
    let stuck = Pulse::default();
    let health = admin::router(Health::new(&server.app, stuck));
    let ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = health.clone().oneshot(request).await.expect("an answer");
        answer.status().as_u16()
    };
    eventually("/live to fail", async || {
        (ask("/live").await == 503).then_some(())
    })
    .await;
    assert_eq!(ask("/ready").await, 200);
}

#[tokio::test]
async fn without_an_address_of_their_own_they_pass_every_limit() {
    let holds = Arc::new(Notify::new());
    let held = holds.clone();
    let hold = async move || {
        held.notify_one();
        std::future::pending::<()>().await;
    };
    let routes: Router<App> = Router::new().route("/hold", get(hold));
    let variables = [
        ("APP__ADMIN__ADDRESS", ""),
        ("APP__LIMITS__READS", "1"),
        ("APP__LIMITS__QUEUE_TIMEOUT", "1ms"),
        ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1"),
        ("APP__RATE_LIMIT__BURST", "2"),
    ];
    let server = Server::with_routes(&variables, routes).await;
    assert_eq!(server.admin, server.address);
    let client = server.stranger();
    let holder = client.clone();
    let holding = tokio::spawn(async move { holder.get("/hold").await });
    holds.notified().await;
    problem(client.get("/hold").await, 503).await;
    problem(client.get("/hold").await, 429).await;
    for _ in 0..3 {
        assert_eq!(client.get("/live").await.status(), 200);
        assert_eq!(client.get("/ready").await.status(), 200);
    }
    holding.abort();
}
