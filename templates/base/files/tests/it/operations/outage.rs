//! Somebody else holds up the database: what needs it is told so, what does not goes on, and all is well
//! again by itself.

use crate::support::{
    Client, Server,
    client::{document, header, problem},
    database::Blocker,
    eventually,
};

#[tokio::test]
async fn writes_that_are_held_up_are_told_and_reads_go_on() {
    let variables = [
        // Longer than a check of the database may take.
        ("APP__DATABASE__LOCK_TIMEOUT", "1500ms"),
        ("APP__ADMIN__READY_INTERVAL", "10ms"),
    ];
    let server = Server::with(&variables).await;
    let (admin, client) = (Client::new(server.admin), server.client("a"));
    let path = client.create("readable").await;

    let blocker = Blocker::of_writes(&server.app.config).await;
    let writer = client.clone();
    let held_up = tokio::spawn(async move {
        let refused = writer.post("/v1/documents", &document("held up")).await;
        assert_eq!(header(&refused, "retry-after"), "1");
        problem(refused, 503).await
    });
    while !held_up.is_finished() {
        assert_eq!(client.get(&path).await.status(), 200);
        assert_eq!(client.count().await, 1);
        assert_eq!(admin.get("/ready").await.status(), 200, "it can read");
    }
    let refused = held_up.await.expect("no panic");
    assert_eq!(refused["type"], "urn:problem:database-busy");

    blocker.release().await;
    eventually("writes to go on", async || {
        let answer = client.post("/v1/documents", &document("through")).await;
        (answer.status() == 201).then_some(())
    })
    .await;
    assert_eq!(client.count().await, 2);
}
