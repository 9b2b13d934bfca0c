//! Two who write at once: what is embedded of a document is of the version that it has.

use std::time::Duration;

use service::{
    data::{
        meter::Meter,
        vectors::{self, Chunk},
    },
    edge::deadline::Deadline,
};

use super::{add, connection, count_chunks, replace, table::SPACE};
use crate::support::{Server, eventually};

#[tokio::test]
async fn whoever_replaces_a_document_waits_for_its_chunks_and_removes_them() {
    let server = Server::start().await;
    let (app, client) = (&server.app, server.client("a"));
    let path = add(&client, "One", "Pears ripen in the cellar.").await;
    let id = path.rsplit('/').next().and_then(|id| id.parse().ok());
    let version = (id.expect("an id"), 1);
    let chunk = [Chunk {
        text: "text",
        embedding: vec![1.0, 0.0, 0.0],
    }];

    let deadline = Deadline::after(Duration::from_secs(20));
    let storing = app.database.begin(deadline, &Meter::default()).await;
    let mut storing = storing.expect("a transaction");
    let stored = vectors::store(&mut storing, "a", version, SPACE, &chunk).await;
    assert!(stored.expect("an answer"));
    let replacing = replace(&client, &path, "One", "Concrete sets in a form.");
    let ending = async {
        eventually("a wait for the chunks", async || {
            let waits = "SELECT COUNT(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
            let waits = sqlx::query_scalar::<_, i64>(waits);
            let waits = connection(app).await.scalar(waits).await;
            (waits.expect("a count") == 1).then_some(())
        })
        .await;
        let commit = storing.execute(sqlx::query("COMMIT")).await;
        commit.expect("an end");
    };
    tokio::join!(replacing, ending);
    assert_eq!(count_chunks(app).await, 0);
}
