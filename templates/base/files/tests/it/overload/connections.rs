//! No more connections than the limit are served at once; the next one waits for its turn.

use std::time::Duration;

use crate::support::{Client, Connection, Server};

#[tokio::test]
async fn the_connection_beyond_the_limit_is_served_once_another_ends() {
    let server = Server::with(&[("APP__SERVER__MAX_CONNECTIONS", "1")]).await;
    let mut first = Connection::open(server.address).await;
    first.get("/first", "").await;
    assert_eq!(first.answer().await.status, 404);

    let mut second = Connection::open(server.address).await;
    second.get("/second", "").await;
    // The first is served again, so the server is awake, and has seen the second.
    first.get("/first", "").await;
    assert_eq!(first.answer().await.status, 404);
    assert!(second.is_silent_for(Duration::from_millis(200)).await);
    // Health has a listener of its own.
    assert_eq!(Client::new(server.admin).get("/live").await.status(), 200);

    drop(first);
    assert_eq!(second.answer().await.status, 404);
}
