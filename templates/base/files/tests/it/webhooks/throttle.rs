//! Endpoints that stall or fail take nothing from the others.

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{TENANT, change, delivery, read, register, send, work};
use crate::support::{
    Client, Server, eventually,
    receiver::{Receiver, Reply},
};

/// How many deliveries to one endpoint are under way at once.
const AT_ONCE: usize = 8;

async fn under_way(client: &Client, endpoint: &str) -> usize {
    let list = read(client, &format!("{endpoint}/deliveries?limit=250")).await;
    let items = list["items"].as_array().expect("items").iter();
    items.filter(|item| item["state"] == "running").count()
}

/// More messages than a worker has places for.
#[tokio::test]
async fn a_receiver_that_stalls_leaves_places_for_others() {
    const MESSAGES: usize = 80;
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let slow = Receiver::start((0..MESSAGES).map(|_| Reply::Silence)).await;
    let quick = Receiver::start([]).await;
    let (to_slow, to_quick) = (
        register(&client, &slow).await,
        register(&client, &quick).await,
    );
    for _ in 0..MESSAGES {
        send(&server.app, &to_slow, &slow.url()).await;
    }
    slow.receives(AT_ONCE).await;
    for number in 1..=2 * AT_ONCE {
        send(&server.app, &to_quick, &quick.url()).await;
        quick.receives(number).await;
        // Not what it has received: on a slow machine some are given up meanwhile, and others have their places.
        let under_way = under_way(&client, &to_slow).await;
        assert!(under_way <= AT_ONCE, "{under_way}");
    }
}

/// As many as there are places for go at once, and each of the others as soon as one of these has ended.
#[tokio::test]
async fn many_messages_to_one_receiver_arrive_without_a_pause() {
    const MESSAGES: usize = 60;
    let server = Server::with(&[("APP__JOBS__POLL_INTERVAL", "50s")]).await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([]).await;
    let endpoint = register(&client, &receiver).await;
    for _ in 0..MESSAGES {
        send(&server.app, &endpoint, &receiver.url()).await;
    }
    work(&server.app);
    receiver.receives(MESSAGES).await;
}

#[tokio::test]
async fn a_receiver_that_only_fails_is_left_alone_for_a_while() {
    let server = Server::with_worker(&[("APP__JOBS__POLL_INTERVAL", "100ms")]).await;
    let client = server.client(TENANT);
    let failing = Receiver::start((0..20).map(|_| Reply::Status(500))).await;
    let well = Receiver::start([]).await;
    let (to_failing, to_well) = (
        register(&client, &failing).await,
        register(&client, &well).await,
    );
    let is_resting = async || read(&client, &to_failing).await["resting_until"].is_string();
    let mut sent = 0;
    while !is_resting().await {
        sent += 1;
        let id = send(&server.app, &to_failing, &failing.url()).await;
        let has_failed = |item: &Value| item["id"] == json!(id) && item["error"].is_string();
        delivery(&client, &to_failing, has_failed).await;
        // None is tried again, unless that is due already on a slow machine. There the rest may be over too, and more of
        // them fail.
        let later = "UPDATE jobs SET run_at = run_at + 3600000, rank = rank + 3600000";
        change(&server.app, later).await;
    }
    let longer = "UPDATE job_rests SET rests_until = rests_until + 3600000
        WHERE rests_until >= 5000 + (SELECT MAX(attempted_at) FROM webhook_deliveries)";
    change(&server.app, longer).await;
    assert!(is_resting().await);
    let failed = failing.received().len();
    assert!(failed >= 3, "{failed}");

    let waiting = send(&server.app, &to_failing, &failing.url()).await;
    change(&server.app, "UPDATE jobs SET run_at = 0, rank = 0").await;
    send(&server.app, &to_well, &well.url()).await;
    well.receives(1).await;
    let newest = delivery(&client, &to_failing, |_| true).await;
    assert_eq!(
        (&newest["id"], &newest["state"], &newest["attempts"]),
        (&json!(waiting), &json!("queued"), &json!(0))
    );
    assert_eq!(failing.received().len(), failed);

    failing.is_well();
    let enabled = client
        .post(&format!("{to_failing}/enable"), &json!({}))
        .await;
    assert_eq!(enabled.status(), 200);
    assert!(!is_resting().await);
    failing.receives(failed + sent + 1).await;
}

#[tokio::test]
async fn a_success_that_was_under_way_does_not_end_a_rest() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let (say, said) = oneshot::channel();
    let pause = Reply::With(429, "retry-after", "3600".to_owned());
    let receiver = Receiver::start([Reply::Later(said), pause]).await;
    let endpoint = register(&client, &receiver).await;
    let under_way = send(&server.app, &endpoint, &receiver.url()).await;
    receiver.receives(1).await;
    let refused = send(&server.app, &endpoint, &receiver.url()).await;
    let is_refused = |item: &Value| item["id"] == json!(refused) && item["status"] == 429;
    delivery(&client, &endpoint, is_refused).await;
    let before = read(&client, &endpoint).await["resting_until"].take();
    assert!(before.is_string());

    say.send(()).expect("it waits");
    let job = format!("/v1/jobs/{under_way}");
    eventually("a success", async || {
        (read(&client, &job).await["state"] == "succeeded").then_some(())
    })
    .await;
    let endpoint = read(&client, &endpoint).await;
    assert_eq!(
        (&endpoint["resting_until"], &endpoint["failing_since"]),
        (&before, &json!(null))
    );
}
