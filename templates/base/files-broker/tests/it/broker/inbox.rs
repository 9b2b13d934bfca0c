//! Messages of other services come in: each once, however often it is delivered, and what cannot be taken is laid aside
//! with its reason.

use std::time::Duration;

use serde_json::{Value, json};
use service::{
    app::state::App,
    jobs::{LONGEST_PAYLOAD, message::Queue},
};
use temp_dir::TempDir;

use super::{HARDLY_LOOKS, all_is_told, beside, connection, jobs, next, subscription};
use crate::support::{
    Process, Server, eventually,
    queue::{Stranger, by_proxy},
};

const TENANT: &str = "a";

pub(super) fn message(id: &str, title: &str) -> String {
    let message = json!({
        "specversion": "1.0",
        "id": id,
        "source": "/partner",
        "type": "document.submitted",
        "data": { "tenant": TENANT, "title": title, "body": "handed in" },
    });
    message.to_string()
}

/// Waits until so many messages have become jobs that succeeded.
pub(super) async fn are_taken(app: &App, count: usize) {
    eventually("the messages' jobs", async || {
        let done = jobs(app, "hook").await;
        let done = done.iter().filter(|job| job.finished_at.is_some());
        (done.count() == count).then_some(())
    })
    .await;
}

/// Waits for the one message that was laid aside; gives it and the reason.
pub(super) async fn laid_aside(stranger: &Stranger) -> (String, String) {
    eventually("a message that is laid aside", async || {
        let aside = stranger.laid_aside().await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let only = aside.first()?;
        assert_eq!(aside.len(), 1, "{aside:?}");
        Some((text(&only["body"]), text(&only["reason"])))
    })
    .await
}

#[tokio::test]
async fn a_message_takes_effect_once_however_often_it_comes() {
    let server = Server::with_worker(&[]).await;
    let Some(stranger) = Stranger::of_service(&server.app.config).await else {
        return;
    };
    let (first, second) = (message("1", "one"), message("2", "two"));
    for sent in [&first, &second, &first, &second, &first] {
        stranger.send(sent).await;
    }
    are_taken(&server.app, 2).await;
    stranger.send(&first).await;
    stranger.send(&message("3", "three")).await;
    are_taken(&server.app, 3).await;
    assert_eq!(server.client(TENANT).count().await, 3);
    assert_eq!(stranger.laid_aside().await, [] as [Value; 0]);
}

/// The first one is in the hands of somebody who gives it back when the others are taken.
#[tokio::test]
async fn messages_that_come_in_another_order_are_taken_all_the_same() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let mut inbox = subscription(&app.broker, Queue::Inbox).await;
    for id in ["1", "2", "3"] {
        stranger.send(&message(id, id)).await;
    }
    let first = next(&mut inbox).await;
    let _worker = Process::start_as("worker", folder.path(), &[]).await;
    are_taken(&app, 2).await;
    first.leave(Duration::ZERO).await.expect("it is left");
    drop(inbox);
    are_taken(&app, 3).await;
    for id in ["3", "1", "2", "4"] {
        stranger.send(&message(id, id)).await;
    }
    are_taken(&app, 4).await;
    let titles = sqlx::query_as("SELECT title FROM documents ORDER BY id");
    let titles = connection(&app).await.all(titles).await;
    let titles: Vec<(String,)> = titles.expect("rows");
    let titles: Vec<&str> = titles.iter().map(|(title,)| title.as_str()).collect();
    assert_eq!(titles.len(), 4, "{titles:?}");
    assert_eq!(titles[2..], ["1", "4"]);
}

/// By a worker that hardly looks: what its jobs commit is relayed when they end.
#[tokio::test]
async fn what_a_message_has_done_is_told_soon() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let _worker = Process::start_as("worker", folder.path(), &HARDLY_LOOKS).await;
    for count in 1..=3 {
        let id = count.to_string();
        stranger.send(&message(&id, &id)).await;
        are_taken(&app, count).await;
        all_is_told(&app).await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_laid_aside_and_holds_nothing_up() {
    let server = Server::with_worker(&[]).await;
    let Some(stranger) = Stranger::of_service(&server.app.config).await else {
        return;
    };
    stranger.send(r#"{ "id": 1 }"#).await;
    stranger.send(&message("1", "one")).await;
    are_taken(&server.app, 1).await;
    let (body, reason) = laid_aside(&stranger).await;
    assert_eq!(body, r#"{ "id": 1 }"#);
    assert!(reason.contains("no CloudEvent"), "{reason}");
}

/// A parser that quotes it writes six bytes for each of its own, which is more than goes into a header.
#[tokio::test]
async fn the_reason_is_short_however_long_the_message_is() {
    let server = Server::with_worker(&[]).await;
    let Some(stranger) = Stranger::of_service(&server.app.config).await else {
        return;
    };
    let long = format!("\"{}\"", "\u{7f}".repeat(LONGEST_PAYLOAD - 2));
    stranger.send(&long).await;
    stranger.send(&message("1", "one")).await;
    are_taken(&server.app, 1).await;
    let (body, reason) = laid_aside(&stranger).await;
    assert!(body == long, "it is laid aside whole");
    assert!(reason.len() < 400, "{reason}");
}

/// It can be read, and whoever tries to keep it fails each time.
#[tokio::test]
async fn what_fails_time_and_again_is_laid_aside() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let away = sqlx::query("ALTER TABLE jobs RENAME TO away");
    let mut connection = connection(&app).await;
    connection.execute(away).await.expect("a change");
    let worker = Process::start_as("worker", folder.path(), &[]).await;
    let poison = message("1", "one");
    stranger.send(&poison).await;
    let (body, reason) = laid_aside(&stranger).await;
    assert_eq!(body, poison);
    assert!(reason.contains("jobs"), "{reason}");
    let tries = worker.log().matches("a message could not be taken").count();
    assert_eq!(tries, 4, "and the fifth was the last");

    let back = sqlx::query("ALTER TABLE away RENAME TO jobs");
    connection.execute(back).await.expect("a change");
    drop(connection);
    stranger.send(&message("2", "two")).await;
    are_taken(&app, 1).await;
}

/// What was sent meanwhile comes when the broker is there again.
#[tokio::test]
async fn nothing_is_lost_while_the_broker_is_gone() {
    let folder = TempDir::new().expect("a folder");
    let (proxy, url) = by_proxy().await;
    let variables = [("APP__BROKER__URL", url.as_str())];
    let app = beside(&folder, &variables).await;
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let _worker = Process::start_as("worker", folder.path(), &variables).await;
    stranger.send(&message("1", "one")).await;
    are_taken(&app, 1).await;
    proxy.cut().await;
    for id in ["1", "2", "3"] {
        stranger.send(&message(id, id)).await;
    }
    proxy.mend();
    are_taken(&app, 3).await;
}
