//! What only NATS could do wrong.

use async_nats::{
    Client,
    jetstream::{self, Context, stream},
};
use temp_dir::TempDir;

use super::{
    all_is_told, beside,
    inbox::{are_taken, laid_aside, message},
    unsent::{are_set_aside, workers_hear_of_jobs},
};
use crate::support::{Server, eventually, queue::Stranger, servers::NATS};

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
