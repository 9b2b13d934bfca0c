//! Workers that deliver side by side, or die while they do.

use std::collections::BTreeSet;

use serde_json::json;
use temp_dir::TempDir;

use super::{TENANT, delivery, open, read, register, send};
use crate::support::{
    Process, eventually,
    receiver::{Receiver, Reply},
};

const SHORT: [(&str, &str); 2] = [
    ("APP__JOBS__LEASE", "2s"),
    ("APP__JOBS__POLL_INTERVAL", "100ms"),
];

#[tokio::test]
async fn two_workers_deliver_each_message_once() {
    const MESSAGES: usize = 40;
    let folder = TempDir::new().expect("a folder");
    let app = open(folder.path()).await;
    let front = Process::start_as("serve", folder.path(), &SHORT).await;
    let client = front.client(TENANT).await;
    let receiver = Receiver::start([]).await;
    let endpoint = register(&client, &receiver).await;
    let mut sent = BTreeSet::new();
    for _ in 0..MESSAGES {
        sent.insert(send(&app, &endpoint, &receiver.url()).await);
    }
    // No lease is to end here, however slow the machine is.
    let _one = Process::start_as("worker", folder.path(), &SHORT[1..]).await;
    let _other = Process::start_as("worker", folder.path(), &SHORT[1..]).await;
    let list = format!("{endpoint}/deliveries?limit=250");
    eventually("all deliveries", async || {
        let items = read(&client, &list).await["items"].take();
        let mut items = items.as_array().expect("items").iter();
        items.all(|item| item["state"] == "succeeded").then_some(())
    })
    .await;
    let received = receiver.received();
    let ids = received.iter().map(|received| received.id().to_owned());
    assert_eq!((received.len(), ids.collect()), (MESSAGES, sent));
}

#[tokio::test]
async fn a_worker_that_is_killed_while_it_delivers_loses_no_message() {
    let folder = TempDir::new().expect("a folder");
    let app = open(folder.path()).await;
    let front = Process::start_as("serve", folder.path(), &SHORT).await;
    let client = front.client(TENANT).await;
    let receiver = Receiver::start([Reply::Silence]).await;
    let endpoint = register(&client, &receiver).await;
    let id = send(&app, &endpoint, &receiver.url()).await;
    let first = Process::start_as("worker", folder.path(), &SHORT).await;
    receiver.receives(1).await;
    first.kill().await;
    let keeps_its_own = [("APP__JOBS__LEASE", "6s"), SHORT[1]];
    let _second = Process::start_as("worker", folder.path(), &keeps_its_own).await;
    let done = delivery(&client, &endpoint, |item| item["state"] == "succeeded").await;
    assert_eq!(
        (&done["attempts"], &done["status"]),
        (&json!(2), &json!(200))
    );
    let ids: Vec<String> = receiver
        .received()
        .iter()
        .map(|received| received.id().to_owned())
        .collect();
    assert_eq!(ids, [id.clone(), id]);
}
