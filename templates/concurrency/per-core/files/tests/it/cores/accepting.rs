//! Connections reach every core, whoever accepts them, and stay there.

use std::time::Duration;

use axum::{Router, routing::get};
use service::app::state::App;
use temp_dir::TempDir;
use tokio::time::timeout;

use super::{Gate, core, one_each, routes, who};
use crate::support::{Connection, Server, eventually, process::run};

#[tokio::test]
async fn connections_reach_every_core_and_stay_there() {
    for accept in ["each", "one"] {
        let variables = [("APP__CORES__COUNT", "3"), ("APP__CORES__ACCEPT", accept)];
        let server = Server::with_routes(&variables, routes(&Gate::default())).await;
        for mut connection in one_each(&server, 3).await {
            let first = who(&mut connection).await;
            assert_eq!(who(&mut connection).await, first);
        }
    }
}

#[tokio::test]
async fn dealt_connections_come_to_the_cores_in_turn() {
    let variables = [("APP__CORES__COUNT", "3"), ("APP__CORES__ACCEPT", "one")];
    let server = Server::with_routes(&variables, routes(&Gate::default())).await;
    for core in ["core-0", "core-1", "core-2", "core-0", "core-1"] {
        let mut connection = Connection::open(server.address).await;
        assert_eq!(who(&mut connection).await, core);
    }
}

/// Sockets of one user may share an address, so a second process would take half of the connections.
#[tokio::test]
async fn an_address_where_cores_listen_is_taken() {
    let server = Server::with(&[("APP__CORES__COUNT", "2")]).await;
    let folder = TempDir::new().expect("a folder");
    let address = server.address.to_string();
    let variables = [("APP__SERVER__ADDRESS", address.as_str())];
    let second = run(folder.path(), &variables, &[]);
    let second = timeout(Duration::from_secs(20), second).await;
    let second = second.expect("it does not start");
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).expect("text");
    assert!(said.contains("is taken by another process"), "{said}");
}

#[tokio::test]
async fn the_cores_share_the_places_for_connections() {
    let variables = [
        ("APP__CORES__COUNT", "4"),
        ("APP__SERVER__MAX_CONNECTIONS", "2"),
    ];
    let server = Server::with_routes(&variables, routes(&Gate::default())).await;
    let mut served = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::open(server.address).await;
        who(&mut connection).await;
        served.push(connection);
    }
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let mut connection = Connection::open(server.address).await;
        connection.get("/core", "").await;
        waiting.push(connection);
    }
    let silent = async |connections: &mut Vec<Connection>, time| {
        let mut silent = 0;
        for connection in connections {
            silent += usize::from(connection.is_silent_for(time).await);
        }
        silent
    };
    let pause = Duration::from_millis(20);
    assert_eq!(silent(&mut waiting, pause).await, 8);
    served.pop();
    eventually("a place", async || {
        (silent(&mut waiting, pause).await == 7).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_panic_costs_a_core_one_request() {
    let panics = async || -> () { panic!("as the test wants it") };
    let routes: Router<App> = Router::new()
        .route("/panics", get(panics))
        .route("/core", get(async || core()));
    let server = Server::with_routes(&[("APP__CORES__COUNT", "2")], routes).await;
    for mut connection in one_each(&server, 2).await {
        let before = who(&mut connection).await;
        connection.get("/panics", "").await;
        assert_eq!(connection.answer().await.status, 500);
        assert_eq!(who(&mut connection).await, before);
    }
}
