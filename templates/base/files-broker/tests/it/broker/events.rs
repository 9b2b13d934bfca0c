//! Other services are told what has happened: all of it, each thing in its order, under an id.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use service::{
    data::{meter::Meter, outbox, turns},
    edge::deadline::Deadline,
    jobs::{events::event, message::Message, relay},
};
use temp_dir::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{all_is_told, beside, connection, publish};
use crate::support::{Client, Process, Server, queue::Stranger};

/// What a document goes through.
const LIFE: [&str; 4] = [
    "document.created",
    "document.replaced",
    "document.replaced",
    "document.deleted",
];

async fn live(client: Client) -> String {
    let path = client.create("one").await;
    for _ in 0..2 {
        client.replace(&path, "more").await;
    }
    client.remove(&path).await;
    path.rsplit('/').next().expect("an id").to_owned()
}

fn names_of<'a>(events: &'a [Value], subject: &str) -> Vec<&'a str> {
    let of_it = events.iter().filter(|event| event["subject"] == subject);
    of_it
        .map(|event| event["type"].as_str().expect("a name"))
        .collect()
}

#[tokio::test]
async fn each_thing_is_told_in_the_order_in_which_it_happened() {
    let server = Server::start().await;
    let Some(stranger) = Stranger::of_service(&server.app.config).await else {
        return;
    };
    let mut lives = JoinSet::new();
    for _ in 0..5 {
        lives.spawn(live(server.client("a")));
    }
    let subjects = lives.join_all().await;
    all_is_told(&server.app).await;
    let events = stranger.events().await;
    for subject in &subjects {
        assert_eq!(names_of(&events, subject), LIFE);
    }
    let ids: BTreeSet<&str> = events
        .iter()
        .filter_map(|event| event["id"].as_str())
        .collect();
    assert_eq!(ids.len(), subjects.len() * LIFE.len());
    let first = &events[0];
    assert_eq!(first["specversion"], "1.0");
    assert_eq!(first["source"], concat!("/", env!("CARGO_PKG_NAME")));
    assert_eq!(first["data"]["tenant"], "a");
}

#[tokio::test]
async fn what_is_rolled_back_is_not_told() {
    let server = Server::start().await;
    let Some(stranger) = Stranger::of_service(&server.app.config).await else {
        return;
    };
    let subject = Uuid::now_v7();
    for (name, is_kept) in [("document.deleted", false), ("document.created", true)] {
        let deadline = Deadline::after(Duration::from_secs(20));
        let begun = server.app.database.begin(deadline, &Meter::default()).await;
        let mut transaction = begun.expect("a transaction");
        let event = event(name, subject, &Value::Null);
        let added = outbox::add(&mut transaction, &event).await;
        added.expect("a message");
        if is_kept {
            transaction.commit().await.expect("a commit");
        }
    }
    server.app.news.relay();
    all_is_told(&server.app).await;
    let events = stranger.events().await;
    assert_eq!(
        names_of(&events, &subject.to_string()),
        ["document.created"]
    );
}

/// It dies when the broker has the first of its messages, and before it could say so.
#[tokio::test]
async fn a_relay_that_dies_is_followed_by_one_that_tells_it_all_again() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let subject = Uuid::now_v7();
    let mut connection = connection(&app).await;
    for name in LIFE {
        let event = event(name, subject, &Value::Null);
        outbox::add(&mut connection, &event)
            .await
            .expect("a message");
    }
    let dead = Uuid::now_v7();
    let turn = turns::take(&mut connection, relay::TURN, dead, Duration::from_secs(2)).await;
    assert!(turn.expect("an answer"), "nobody else is there");
    let claimed = outbox::claim(&mut connection, dead, 3, 3)
        .await
        .expect("messages");
    drop(connection);
    assert_eq!(claimed.len(), 3);
    let outgoing = &claimed[0].message;
    let message = Message {
        id: &outgoing.id,
        topic: &outgoing.topic,
        body: outgoing.body.as_bytes(),
        reason: None,
    };
    publish(&app.broker, &message).await;
    let _next = Process::start_as("serve", folder.path(), &[]).await;
    all_is_told(&app).await;
    let mut events = stranger.events().await;
    // Twice or not, each has one id.
    let mut seen = BTreeSet::new();
    events.retain(|event| seen.insert(event["id"].to_string()));
    assert_eq!(names_of(&events, &subject.to_string()), LIFE);
}
