//! Messages that the broker does not take. Each has reasons of its own for that, and what comes of it is the same.

use serde_json::Value;
use service::{app::state::App, data::outbox, jobs::events};
use temp_dir::TempDir;
use uuid::Uuid;

use super::{HARDLY_LOOKS, all_is_told, connection, depth, front_and_worker, report};
use crate::support::{Process, queue::Stranger};

/// No event is taken: each waits, and is tried again. Gives front and worker, which go on.
pub(super) async fn workers_hear_of_jobs(folder: &TempDir, app: &App) -> (Process, Process) {
    let (front, worker) = front_and_worker(folder, &HARDLY_LOOKS).await;
    let client = front.client("a").await;
    client.create("one").await;
    for _ in 0..3 {
        report(&client).await;
    }
    assert_eq!(depth(app).await.waiting, 1, "the event");
    (front, worker)
}

/// None of these, by topic and body, is ever taken. They came into the outbox by another way than `outbox::add`.
pub(super) async fn are_set_aside(
    folder: &TempDir,
    app: &App,
    stranger: &Stranger,
    messages: &[(&str, &str)],
) {
    let mut connection = connection(app).await;
    for (topic, body) in messages {
        let row = sqlx::query(
            "INSERT INTO outbox (id, topic, body, is_event, created_at) VALUES ($1, $1, $2, TRUE, 0)",
        );
        let added = connection.execute(row.bind(*topic).bind(*body)).await;
        added.expect("a row");
    }
    let event = events::event("document.created", Uuid::now_v7(), &Value::Null);
    outbox::add(&mut connection, &event).await.expect("a row");
    drop(connection);
    let front = Process::start_as("serve", folder.path(), &[]).await;
    all_is_told(app).await;
    let refused = depth(app).await.refused;
    assert_eq!(usize::try_from(refused), Ok(messages.len()));
    assert_eq!(stranger.events().await.len(), 1);
    assert!(front.log().contains("a message is never relayed"));
}
