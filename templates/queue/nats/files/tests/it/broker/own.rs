//! What only NATS could do wrong.

use std::time::Duration;

use async_nats::{
    Client, ServerAddr,
    jetstream::{
        self, Context,
        consumer::pull,
        stream::{self, RetentionPolicy},
    },
};
use service::jobs::message::Queue;
use temp_dir::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream},
    net::TcpStream,
};

use super::{
    all_is_told, beside,
    inbox::{are_taken, laid_aside, message},
    next, subscription,
    unsent::{are_set_aside, workers_hear_of_jobs},
};
use crate::support::{Process, Server, eventually, queue::Stranger, servers::NATS};

async fn client() -> Client {
    async_nats::connect(NATS.url()).await.expect("NATS")
}

async fn context() -> Context {
    jetstream::new(client().await)
}

/// Who listens to the subject itself gets each message, so the server never says that nobody stores it.
#[tokio::test]
async fn an_event_is_stored_whoever_else_hears_it() {
    let server = Server::start().await;
    let Some(stranger) = Stranger::of_service(&server.app.config).await else {
        return;
    };
    let client = client().await;
    let subject = format!("{}.>", server.app.config.broker.prefix);
    let heard = client.subscribe(subject).await.expect("a subscription");
    client.flush().await.expect("the server knows it");
    server.client("a").create("one").await;
    all_is_told(&server.app).await;
    assert_eq!(stranger.events().await.len(), 1);
    drop(heard);
}

/// The stream is there, and takes other subjects only: each event fails, and each is tried again.
#[tokio::test]
async fn workers_hear_of_jobs_though_no_event_is_taken() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let prefix = &app.config.broker.prefix;
    let narrow = stream::Config {
        name: format!("{prefix}-events"),
        subjects: vec![format!("{prefix}.events.other")],
        ..stream::Config::default()
    };
    let made = context().await.create_stream(narrow).await;
    made.expect("a stream");
    workers_hear_of_jobs(&folder, &app).await;
}

/// One is longer than the server takes, and the other one's subject is none.
#[tokio::test]
async fn what_is_never_taken_is_set_aside_and_holds_nothing_up() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let long = "x".repeat(2 * 1024 * 1024);
    let messages = [("events.long", long.as_str()), ("events.no topic", "{}")];
    are_set_aside(&folder, &app, &stranger, &messages).await;
}

/// For ten minutes the server knows what it has had, be it still there or not.
#[tokio::test]
async fn the_same_text_is_laid_aside_each_time() {
    let server = Server::with_worker(&[]).await;
    let Some(stranger) = Stranger::of_service(&server.app.config).await else {
        return;
    };
    let dead = format!("{}-dead", server.app.config.broker.prefix);
    let context = context().await;
    for _ in 0..3 {
        stranger.send("no event").await;
        laid_aside(&stranger).await;
        let dead = context.get_stream(&dead).await.expect("a stream");
        dead.purge().await.expect("nothing is left");
    }
}

/// With a header it is longer than a message may be.
#[tokio::test]
async fn the_longest_message_is_laid_aside_in_part() {
    let server = Server::with_worker(&[]).await;
    let Some(stranger) = Stranger::of_service(&server.app.config).await else {
        return;
    };
    stranger.send("no event").await;
    laid_aside(&stranger).await;
    let context = context().await;
    let prefix = &server.app.config.broker.prefix;
    let long = "x".repeat(context.client().max_payload());
    let sent = context.publish(format!("{prefix}.inbox.long"), long.into());
    sent.await.expect("it is sent").await.expect("it is stored");
    let (body, reason) = eventually("the second one", async || {
        let aside = stranger.laid_aside().await.into_iter().nth(1)?;
        let text = |name: &str| aside[name].as_str().expect("text").to_owned();
        Some((text("body"), text("reason")))
    })
    .await;
    assert_eq!(body.len(), 64 * 1024);
    assert!(reason.contains("its first 65536 bytes"), "{reason}");
    eventually("an empty inbox", async || {
        (stranger.waiting().await == 0).then_some(())
    })
    .await;
}

/// What comes from another stream keeps its subject.
#[tokio::test]
async fn the_inbox_follows_a_stream_of_another_service() {
    let server = Server::with_worker(&[]).await;
    let prefix = &server.app.config.broker.prefix;
    let context = context().await;
    let other = format!("{prefix}-other");
    let theirs = stream::Config {
        name: other.clone(),
        subjects: vec![format!("{other}.>")],
        ..stream::Config::default()
    };
    context.create_stream(theirs).await.expect("a stream");
    let inbox = format!("{prefix}-inbox");
    let mut inbox = eventually("the inbox", async || context.get_stream(&inbox).await.ok()).await;
    let inbox = inbox.info().await.expect("an answer");
    let follows = stream::Config {
        sources: Some(vec![stream::Source {
            name: other.clone(),
            ..stream::Source::default()
        }]),
        ..inbox.config.clone()
    };
    context.update_stream(follows).await.expect("a change");
    let event = message("1", "one");
    let sent = context.publish(format!("{other}.invoice.paid"), event.into());
    sent.await.expect("it is sent").await.expect("it is stored");
    are_taken(&server.app, 1).await;
}

/// A message with a header that is no UTF-8. Our client sends none, and the server takes it from others.
async fn send_unreadable(prefix: &str) {
    const HEADERS: &[u8] = b"NATS/1.0\r\nX: \xe9\r\n\r\n";
    let server: ServerAddr = NATS.url().parse().expect("a URL");
    let stream = TcpStream::connect((server.host(), server.port())).await;
    let mut stream = BufStream::new(stream.expect("NATS"));
    let (length, whole) = (HEADERS.len(), HEADERS.len() + 2);
    let head = format!(
        "CONNECT {{\"headers\":true,\"verbose\":false}}\r\nHPUB {prefix}.inbox.x {length} {whole}\r\n"
    );
    let sent = [head.as_bytes(), HEADERS, b"{}\r\nPING\r\n"].concat();
    stream.write_all(&sent).await.expect("it is sent");
    stream.flush().await.expect("it is sent");
    let mut line = String::new();
    while line != "PONG\r\n" {
        line.clear();
        let length = stream.read_line(&mut line).await.expect("a line");
        assert_ne!(length, 0, "the server hung up");
    }
}

/// Whoever it comes to is cut off.
#[tokio::test]
async fn what_the_client_cannot_read_holds_up_others_for_moments() {
    let server = Server::with_worker(&[]).await;
    let Some(stranger) = Stranger::of_service(&server.app.config).await else {
        return;
    };
    stranger.send(&message("1", "one")).await;
    are_taken(&server.app, 1).await;
    send_unreadable(&server.app.config.broker.prefix).await;
    stranger.send(&message("2", "two")).await;
    are_taken(&server.app, 2).await;
}

/// Else one that the client cannot read would come again without end.
#[tokio::test]
async fn what_comes_back_too_often_is_kept_and_sent_no_more() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let mut inbox = subscription(&app.broker, Queue::Inbox).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    stranger.send(&message("1", "one")).await;
    for count in 1..=20 {
        let delivery = next(&mut inbox).await;
        assert_eq!(delivery.count(), count);
        let left = delivery.leave(Duration::ZERO).await;
        left.expect("the server knows it");
    }
    let further = inbox.next().await.expect("an answer");
    assert!(further.is_none());
    assert_eq!(stranger.waiting().await, 1);
}

/// Somebody made the stream, and reads all of it: a second reader is refused.
#[tokio::test]
async fn that_nothing_can_be_received_is_said_once() {
    const DOWN: &str = "messages of others cannot be received";
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let prefix = &app.config.broker.prefix;
    let theirs = stream::Config {
        name: format!("{prefix}-inbox"),
        subjects: vec![format!("{prefix}.inbox.>")],
        retention: RetentionPolicy::WorkQueue,
        ..stream::Config::default()
    };
    let theirs = context().await.create_stream(theirs).await;
    let theirs = theirs.expect("a stream");
    let reader = pull::Config {
        durable_name: Some("other".to_owned()),
        ..pull::Config::default()
    };
    theirs.create_consumer(reader).await.expect("a consumer");
    let worker = Process::start_as("worker", folder.path(), &[]).await;
    eventually("a word of it", async || {
        worker.log().contains(DOWN).then_some(())
    })
    .await;
    let deleted = theirs.delete_consumer("other").await;
    deleted.expect("nobody reads it");
    stranger.send(&message("1", "one")).await;
    are_taken(&app, 1).await;
    let log = worker.log();
    assert_eq!(log.matches(DOWN).count(), 1, "{log}");
    assert!(
        log.contains("messages of others are received again"),
        "{log}"
    );
}
