//! What only RabbitMQ could do wrong: it pushes, it refuses what is declared with other settings, it confirms what finds no
//! queue, and it counts deliveries of some queues, for some reasons.

use std::time::Duration;

use service::jobs::{
    Kind,
    broker::Broker,
    message::{Message, Queue},
};
use temp_dir::TempDir;
use tokio::time::{sleep, timeout};

use super::{
    all_is_told, beside,
    inbox::{are_taken, message},
    next, publish, subscription,
    unsent::{are_set_aside, workers_hear_of_jobs},
};
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
    let mut busy = subscription(&broker, news).await;
    let mut idle = subscription(&broker, news).await;
    publish(&broker, &NEWS).await;
    let first = next(&mut busy).await;
    first.take().await.expect("it is taken");
    for _ in 0..3 {
        publish(&broker, &NEWS).await;
        let told = next(&mut idle).await;
        told.take().await.expect("it is taken");
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
    let mut inbox = subscription(&broker, Queue::Inbox).await;
    stranger.send("one").await;
    let message = next(&mut inbox).await;
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
        publish(&broker, &aside).await;
        let aside = stranger.laid_aside().await;
        assert!(!aside.is_empty(), "it is there");
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
    let mut inbox = subscription(&broker, Queue::Inbox).await;
    stranger.send("one").await;
    let first = next(&mut inbox).await;
    assert_eq!(first.count(), 1);
    first.leave(Duration::ZERO).await.expect("it is left");
    let second = next(&mut inbox).await;
    assert_eq!(second.count(), 2);
    drop(inbox);
    let third = eventually("the message of the one that is gone", async || {
        let mut inbox = subscription(&broker, Queue::Inbox).await;
        inbox.next().await.ok().flatten()
    })
    .await;
    assert_eq!(third.count(), 3);
}

/// One reader's queue refuses what the others take: at each attempt they have it once more.
#[tokio::test]
async fn who_refuses_an_event_makes_no_copies_for_others_at_once() {
    let folder = TempDir::new().expect("a folder");
    let broker = broker(&folder);
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    stranger.ask("fill", "events").await;
    let event = Message {
        topic: "events.document.created",
        body: b"{}",
        ..NEWS
    };
    let mut attempts = 0;
    eventually("a refusal", async || {
        attempts += 1;
        let refusal = broker.publish(&event).await.expect_err("it is refused");
        let said = refusal.to_string();
        said.contains("takes the message no longer").then_some(())
    })
    .await;
    let copies = stranger.events().await.len();
    assert!((1..=attempts).contains(&copies), "{copies} by {attempts}");
}

#[tokio::test]
async fn workers_hear_of_jobs_though_one_reader_refuses_events() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    stranger.ask("fill", "events").await;
    let _service = workers_hear_of_jobs(&folder, &app).await;
    stranger.ask("drop", "").await;
    all_is_told(&app).await;
}

/// The sweeper finds what it would tell of, and events do not wait for it.
#[tokio::test]
async fn news_that_finds_no_room_is_told() {
    let folder = TempDir::new().expect("a folder");
    let broker = broker(&folder);
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    stranger.ask("fill", NEWS.topic).await;
    publish(&broker, &NEWS).await;
}

/// Its name is in Latin-1, which the client cannot read, and ends each connection that it comes by.
#[tokio::test]
async fn what_the_client_cannot_read_is_given_up_by_the_server() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let _worker = Process::start_as("worker", folder.path(), &[]).await;
    stranger.ask("misname", "text").await;
    stranger.send(&message("1", "one")).await;
    let is_given_up = async {
        while stranger.ask("given up", "").await != 1 {
            sleep(Duration::from_millis(500)).await;
        }
    };
    let given_up = timeout(Duration::from_secs(90), is_given_up).await;
    given_up.expect("it lies where messages are laid aside");
    are_taken(&app, 1).await;
}

/// Its routing key is longer than one may be.
#[tokio::test]
async fn what_is_never_taken_is_set_aside_and_holds_nothing_up() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let topic = format!("events.{}", "x".repeat(256));
    are_set_aside(&folder, &app, &stranger, &[(&topic, "{}")]).await;
}
