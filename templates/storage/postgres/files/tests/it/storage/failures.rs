//! What can go wrong between two who share a server.

use reqwest::Method;
use service::data::error::Error;
use tokio::sync::Barrier;

use super::{begin, cut_all, execute, write};
use crate::support::{
    Server,
    client::{header, problem},
    database::somebody_waits,
    document, eventually,
};

#[tokio::test]
async fn of_two_that_wait_for_each_other_one_is_told_to_come_back() {
    let server = Server::start().await;
    let barrier = Barrier::new(2);
    let lock = async |first: &'static str, second: &'static str| {
        let mut transaction = begin(&server.app).await;
        execute(&mut transaction, first).await.expect("a free lock");
        barrier.wait().await;
        execute(&mut transaction, second).await.map(drop)
    };
    let (one, two) = (
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT pg_advisory_xact_lock(2)",
    );
    let outcomes = tokio::join!(lock(one, two), lock(two, one));
    match outcomes {
        (Err(Error::Busy), _) | (_, Err(Error::Busy)) => {}
        others => panic!("{others:?}"),
    }
}

/// The service has seen the version that is meant, and another one is committed before it is removed.
#[tokio::test]
async fn a_version_that_nobody_meant_is_not_removed() {
    let server = Server::start().await;
    let client = server.client("a");
    let path = client.create("one").await;
    let tag = header(&client.get(&path).await, "etag").to_owned();
    let mut changing = begin(&server.app).await;
    let change = "UPDATE documents SET version = version + 1";
    execute(&mut changing, change).await.expect("a change");
    let remove = client
        .request(Method::DELETE, &path)
        .header("if-match", tag);
    let removing = tokio::spawn(remove.send());
    somebody_waits(&server.app).await;
    changing.commit().await.expect("an end");
    let answer = removing.await.expect("no panic").expect("an answer");
    problem(answer, 412).await;
    assert_eq!(client.get(&path).await.status(), 200);
}

/// Its locks would keep others waiting for ever.
#[tokio::test]
async fn a_transaction_that_stands_still_is_ended() {
    let idle = [("APP__DATABASE__IDLE_IN_TRANSACTION_TIMEOUT", "100ms")];
    let server = Server::with(&idle).await;
    let client = server.client("a");
    client.create("locked").await;
    let mut still = begin(&server.app).await;
    let lock = "UPDATE documents SET version = version";
    execute(&mut still, lock).await.expect("a lock");
    eventually("the lock to be free", async || {
        let freed = execute(&mut write(&server.app).await, lock).await;
        freed.is_ok().then_some(())
    })
    .await;
    let late = execute(&mut still, lock).await;
    assert!(matches!(late, Err(Error::Unavailable(_))), "{late:?}");
}

/// As a restart of the server looks from here.
#[tokio::test]
async fn sessions_that_were_cut_are_replaced() {
    let server = Server::start().await;
    let client = server.client("a");
    let path = client.create("before").await;
    cut_all(&server.app).await;
    eventually("a write", async || {
        let answer = client.post("/v1/documents", &document("after")).await;
        assert!([201, 503].contains(&answer.status().as_u16()), "{answer:?}");
        (answer.status() == 201).then_some(())
    })
    .await;
    eventually("a read", async || {
        let answer = client.get(&path).await;
        assert!([200, 503].contains(&answer.status().as_u16()), "{answer:?}");
        (answer.status() == 200).then_some(())
    })
    .await;
}

/// PostgreSQL has no such text; that is the client's mistake, not the service's.
#[tokio::test]
async fn text_that_it_cannot_keep_is_refused() {
    let server = Server::start().await;
    let refused = server
        .client("a")
        .post("/v1/documents", &document("no\0text"))
        .await;
    let problem = problem(refused, 422).await;
    assert_eq!(problem["errors"][0]["pointer"], "/title");
}
