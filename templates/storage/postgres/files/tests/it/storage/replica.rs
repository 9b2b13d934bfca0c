//! A replica is asked for what may be a moment old, and missed by nobody while it is gone.

use serde_json::Value;
use temp_dir::TempDir;
use uuid::Uuid;

use crate::support::{Client, Process, Server, database, eventually, proxy::Proxy};

async fn usage(client: &Client) -> Value {
    let answer = client.get("/v1/usage").await;
    assert_eq!(answer.status(), 200);
    let usage: Value = answer.json().await.expect("JSON");
    usage["documents"].clone()
}

/// A database that is never caught up, so that one sees who was asked; and a way to it.
async fn another() -> (Proxy, String) {
    let folder = TempDir::new().expect("a folder");
    let process = Process::start(folder.path(), &[]).await;
    assert!(process.terminate().await.success());
    let server = database::near();
    let proxy = Proxy::to(database::address(&server)).await;
    let url = database::by(proxy.address(), &server, folder.path());
    (proxy, url)
}

#[tokio::test]
async fn it_is_asked_for_what_may_be_old_and_for_nothing_else() {
    let (_proxy, replica) = another().await;
    let server = Server::with(&[("APP__DATABASE__REPLICA_URL", &replica)]).await;
    let client = server.client("a");
    let path = client.create("one").await;
    assert_eq!(client.get(&path).await.status(), 200);
    assert_eq!(client.count().await, 1);
    assert_eq!(usage(&client).await, 0);
}

#[tokio::test]
async fn while_it_is_gone_the_primary_answers() {
    let gone = "postgres://127.0.0.1:1/gone";
    let server = Server::with(&[("APP__DATABASE__REPLICA_URL", gone)]).await;
    let client = server.client("a");
    client.create("one").await;
    assert_eq!(usage(&client).await, 1);
}

/// Who is asked for the documents of somebody whom nobody has asked about before, so that no cache knows.
async fn asked(server: &Server) -> Value {
    let client = server.client(&Uuid::now_v7().to_string());
    client.create("one").await;
    usage(&client).await
}

/// Nobody misses it, and it is asked again once it is back.
async fn it_is_not_missed(lose: impl AsyncFnOnce(&Proxy)) {
    let (proxy, replica) = another().await;
    let server = Server::with(&[("APP__DATABASE__REPLICA_URL", &replica)]).await;
    assert_eq!(asked(&server).await, 0);
    lose(&proxy).await;
    for _ in 0..3 {
        assert_eq!(asked(&server).await, 1);
    }
    proxy.mend();
    eventually("the replica", async || {
        (asked(&server).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_that_is_lost_is_missed_by_nobody_and_asked_again_once_it_is_back() {
    it_is_not_missed(async |proxy| proxy.cut().await).await;
}

/// Nothing says that it is gone.
#[tokio::test]
async fn one_that_is_silent_is_missed_by_nobody_either() {
    it_is_not_missed(async |proxy| proxy.fall_silent()).await;
}
