//! What only RabbitMQ could do wrong: it pushes, it refuses what is declared with other settings, it confirms what finds no
//! queue, and it counts deliveries of some queues, for some reasons.

use std::time::Duration;

use serde_json::Value;
use service::{
    data::outbox,
    jobs::{
        Kind,
        broker::Broker,
        events,
        message::{Message, Queue},
    },
};
use temp_dir::TempDir;
use uuid::Uuid;

use super::{all_is_told, beside, connection};
use crate::support::{Process, configuration, eventually, queue::Stranger};

const NEWS: Message<'_> = Message {
    id: "1",
    topic: "jobs.report",
    body: b"",
    reason: None,
};

fn broker(folder: &TempDir) -> Broker {
    Broker::new(&configuration(folder.path(), &[]).broker)
}

/// Nor is it sent more than it asked for: that would lie with it while others wait.
#[tokio::test]
async fn who_does_not_ask_for_news_keeps_none_from_others() {
    let folder = TempDir::new().expect("a folder");
    let broker = broker(&folder);
    let news = Queue::Jobs(Kind::Report);
    let mut busy = broker.subscribe(news).await.expect("a subscription");
    let mut idle = broker.subscribe(news).await.expect("a subscription");
    broker.publish(&NEWS).await.expect("it is told");
    let first = busy.next().await.expect("an answer").expect("news");
    first.take().await.expect("it is taken");
    for _ in 0..3 {
        broker.publish(&NEWS).await.expect("it is told");
        let next = idle.next().await.expect("an answer").expect("news");
        next.take().await.expect("it is taken");
    }
}

#[tokio::test]
async fn what_others_made_with_other_settings_is_taken_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    stranger.ask("make", "").await;
    let broker = broker(&folder);
    let mut inbox = broker
        .subscribe(Queue::Inbox)
        .await
        .expect("a subscription");
    stranger.send("one").await;
    let message = inbox.next().await.expect("an answer").expect("a message");
    assert_eq!(message.body(), b"one");
    message.take().await.expect("it is taken");
}

/// What finds no queue, RabbitMQ confirms, and drops.
#[tokio::test]
async fn what_is_laid_aside_lies_there_though_its_queue_was_removed() {
    let folder = TempDir::new().expect("a folder");
    let broker = broker(&folder);
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    for body in [b"one", b"two"] {
        stranger.forget().await;
        let aside = Message {
            id: "1",
            topic: "dead.inbox",
            body,
            reason: Some("a test"),
        };
        broker.publish(&aside).await.expect("it is stored");
        let aside = stranger.laid_aside().await;
        assert_eq!(aside.len(), 1, "{aside:?}");
        assert_eq!(aside[0]["reason"], "a test");
    }
}

#[tokio::test]
async fn a_delivery_that_fails_is_counted_whether_its_reader_lives_or_not() {
    let folder = TempDir::new().expect("a folder");
    let broker = broker(&folder);
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let mut inbox = broker
        .subscribe(Queue::Inbox)
        .await
        .expect("a subscription");
    stranger.send("one").await;
    let first = inbox.next().await.expect("an answer").expect("a message");
    assert_eq!(first.count(), 1);
    first.leave(Duration::ZERO).await.expect("it is left");
    let second = inbox.next().await.expect("an answer").expect("a message");
    assert_eq!(second.count(), 2);
    drop(inbox);
    let third = eventually("the message of the one that is gone", async || {
        let inbox = broker.subscribe(Queue::Inbox).await;
        let message = inbox.expect("a subscription").next().await;
        message.expect("an answer")
    })
    .await;
    assert_eq!(third.count(), 3);
}

/// It came into the outbox by another way than `outbox::add`.
#[tokio::test]
async fn what_is_never_taken_is_set_aside_and_holds_nothing_up() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let mut connection = connection(&app).await;
    let topic = format!("events.{}", "x".repeat(256));
    let row = sqlx::query(
        "INSERT INTO outbox (id, topic, body, is_event, created_at) VALUES ($1, $1, '{}', TRUE, 0)",
    );
    let added = connection.execute(row.bind(topic)).await;
    added.expect("a row");
    let event = events::event("document.created", Uuid::now_v7(), &Value::Null);
    outbox::add(&mut connection, &event).await.expect("a row");
    drop(connection);
    let front = Process::start_as("serve", folder.path(), &[]).await;
    all_is_told(&app).await;
    let depth = outbox::depth(&mut super::connection(&app).await).await;
    assert_eq!(depth.expect("an answer").refused, 1);
    assert_eq!(stranger.events().await.len(), 1);
    assert!(front.log().contains("a message is never relayed"));
}
