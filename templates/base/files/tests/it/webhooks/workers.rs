//! Workers that deliver side by side, or die while they do.

use std::{collections::BTreeSet, path::Path};

use serde_json::json;
use service::{app::state::App, external::http::Http};
use temp_dir::TempDir;

use super::{TENANT, delivery, read, register, send};
use crate::support::{
    Process, configuration, eventually,
    receiver::{Receiver, Reply},
};

const SHORT: [(&str, &str); 2] = [
    ("APP__JOBS__LEASE", "2s"),
    ("APP__JOBS__POLL_INTERVAL", "100ms"),
];

/// The data of the processes on this folder, in this process.
async fn open(folder: &Path) -> App {
    let config = configuration(folder, &[]);
    let app = App::start(config, Http::new().expect("a client")).await;
    let app = app.expect("a start");
    app.database.migrate().await.expect("a schema");
    app
}

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
    let _one = Process::start_as("worker", folder.path(), &SHORT).await;
    let _other = Process::start_as("worker", folder.path(), &SHORT).await;
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
    let _second = Process::start_as("worker", folder.path(), &SHORT).await;
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
