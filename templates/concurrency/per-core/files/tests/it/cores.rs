//! Requests are answered by cores. Connections reach all of them, one that is held up is noticed, and what was
//! begun on any is ended.

mod accepting;
mod draining;
mod held;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use axum::{Router, routing::get};
use service::app::state::App;

use crate::support::{Connection, Server, eventually};

/// Enough that the kernel's hash gives some to each of a few cores.
const CONNECTIONS: usize = 200;

/// What a handler waits for that keeps its core.
#[derive(Clone, Default)]
struct Gate {
    is_open: Arc<AtomicBool>,
    is_held: Arc<AtomicBool>,
}

impl Gate {
    fn open(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    fn hold(&self) {
        self.is_held.store(true, Ordering::Relaxed);
        while !self.is_open.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until a handler keeps its core.
    async fn holds(&self) {
        let is_held = async || self.is_held.load(Ordering::Relaxed).then_some(());
        eventually("a core to be held", is_held).await;
    }
}

/// A failed test holds no core for ever.
struct Opens(Gate);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// `/core` says who answers, and `/hold` keeps it from all others until the gate is open.
fn routes(gate: &Gate) -> Router<App> {
    let gate = gate.clone();
    Router::new()
        .route("/core", get(async || core()))
        .route("/hold", get(async move || gate.hold()))
}

fn core() -> String {
    thread::current().name().unwrap_or("nobody").to_owned()
}

/// Who answers on this connection.
async fn who(connection: &mut Connection) -> String {
    connection.get("/core", "").await;
    connection.answer().await.body
}

/// A connection to each of so many cores.
async fn one_each(server: &Server, cores: usize) -> Vec<Connection> {
    let (mut reached, mut connections) = (BTreeSet::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(server.address).await;
        if reached.insert(who(&mut connection).await) {
            connections.push(connection);
        }
        if reached.len() == cores {
            break;
        }
    }
    let expected: BTreeSet<String> = (0..cores).map(|core| format!("core-{core}")).collect();
    assert_eq!(reached, expected);
    connections
}
