//! The end reaches every core: none accepts any more, and what was begun on any of them is ended, or told of.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, routing::get};
use service::app::state::App;
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};

use super::{Gate, Opens, core, one_each, routes};
use crate::support::{Server, eventually};

/// By chance a connection could come to the core that has closed already, and none to one that has not.
const ATTEMPTS: usize = 50;

async fn nobody_accepts(address: SocketAddr) {
    eventually("every core to close", async || {
        for _ in 0..ATTEMPTS {
            // A queue that is full says nothing at all.
            let refused = timeout(Duration::from_secs(1), TcpStream::connect(address)).await;
            if !matches!(refused, Ok(Err(_))) {
                return None;
            }
        }
        Some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_begun_on_any_core_is_ended() {
    for accept in ["each", "one"] {
        let (begun, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (waits, goes) = (begun.clone(), go.clone());
        let wait = async move || {
            waits.add_permits(1);
            goes.acquire().await.expect("never closed").forget();
        };
        let routes: Router<App> = Router::new()
            .route("/core", get(async || core()))
            .route("/wait", get(wait));
        let variables = [("APP__CORES__COUNT", "3"), ("APP__CORES__ACCEPT", accept)];
        let server = Server::with_routes(&variables, routes).await;
        let address = server.address;
        let mut connections = one_each(&server, 3).await;
        for connection in &mut connections {
            connection.get("/wait", "").await;
        }
        let all = begun.acquire_many(3).await;
        all.expect("never closed").forget();

        let stopping = tokio::spawn(server.stop());
        nobody_accepts(address).await;
        assert!(!stopping.is_finished());
        go.add_permits(3);
        for mut connection in connections {
            assert_eq!(connection.answer().await.status, 200);
        }
        assert!(stopping.await.expect("an end"), "{accept}");
    }
}

/// A handler is over, and its connection may be closed; what it left behind still runs on its core.
#[tokio::test]
async fn what_a_handler_left_behind_is_ended() {
    let (go, done) = (
        Arc::new(Semaphore::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (goes, is_done) = (go.clone(), done.clone());
    let leave = async move |State(app): State<App>| {
        let work = async move {
            goes.acquire().await.expect("never closed").forget();
            is_done.store(core().starts_with("core-"), Ordering::Relaxed);
        };
        app.lifecycle.spawn(work);
    };
    let routes: Router<App> = Router::new().route("/leave", get(leave));
    let server = Server::with_routes(&[("APP__CORES__COUNT", "2")], routes).await;
    let address = server.address;
    assert_eq!(server.stranger().get("/leave").await.status(), 200);

    let stopping = tokio::spawn(server.stop());
    nobody_accepts(address).await;
    assert!(!stopping.is_finished());
    go.add_permits(1);
    assert!(stopping.await.expect("an end"));
    assert!(done.load(Ordering::Relaxed));
}

/// It cannot close its own listener, and does not end in time.
#[tokio::test]
async fn a_core_that_is_held_up_accepts_no_more_and_is_no_success() {
    for accept in ["each", "one"] {
        let variables = [
            ("APP__CORES__COUNT", "2"),
            ("APP__CORES__ACCEPT", accept),
            ("APP__SERVER__SHUTDOWN_GRACE", "1s"),
            ("APP__SERVER__REQUEST_TIMEOUT", "1s"),
            ("APP__DATABASE__ACQUIRE_TIMEOUT", "500ms"),
        ];
        let gate = Gate::default();
        let _opens = Opens(gate.clone());
        let server = Server::with_routes(&variables, routes(&gate)).await;
        let address = server.address;
        let mut connections = one_each(&server, 2).await;
        connections[0].get("/hold", "").await;
        gate.holds().await;
        let stopping = tokio::spawn(server.stop());
        nobody_accepts(address).await;
        let stopped = timeout(Duration::from_secs(10), stopping).await;
        let stopped = stopped.expect("an end").expect("no panic");
        assert!(!stopped, "{accept}: it ended after all");
    }
}
