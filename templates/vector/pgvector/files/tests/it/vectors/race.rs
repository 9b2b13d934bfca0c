//! Two who write at once: what is embedded of a document is of the version that it has.

use std::time::Duration;

use service::{
    data::{
        connection::Connection,
        database::Database,
        meter::Meter,
        vectors::{self, Chunk},
    },
    edge::deadline::Deadline,
};
use uuid::Uuid;

use super::{add, count_chunks, replace, table::SPACE};
use crate::support::{Server, database::somebody_waits};

async fn begin(database: &Database) -> Connection {
    let deadline = Deadline::after(Duration::from_secs(20));
    let begun = database.begin(deadline, &Meter::default()).await;
    begun.expect("a transaction")
}

/// Puts one chunk of the first version in place of what is there, if it still is the version.
async fn store(connection: &mut Connection, document: Uuid) -> bool {
    let chunk = [Chunk {
        text: "text",
        embedding: vec![1.0, 0.0, 0.0],
    }];
    let stored = vectors::store(connection, "a", (document, 1), SPACE, &chunk).await;
    stored.expect("an answer")
}

fn id(path: &str) -> Uuid {
    let id = path.rsplit('/').next().and_then(|id| id.parse().ok());
    id.expect("an id")
}

#[tokio::test]
async fn whoever_replaces_a_document_waits_for_its_chunks_and_removes_them() {
    let server = Server::start().await;
    let (app, client) = (&server.app, server.client("a"));
    let path = add(&client, "One", "Pears ripen in the cellar.").await;
    let mut storing = begin(&app.database).await;
    assert!(store(&mut storing, id(&path)).await);
    let replacing = replace(&client, &path, "One", "Concrete sets in a form.");
    let ending = async {
        somebody_waits(app).await;
        storing.commit().await.expect("an end");
    };
    tokio::join!(replacing, ending);
    assert_eq!(count_chunks(app).await, 0);
}

/// Each would wait for what the other has, if the one began with the chunks and the other with the document.
#[tokio::test]
async fn whoever_embeds_anew_does_not_get_in_the_way_of_a_change() {
    let server = Server::start().await;
    let app = &server.app;
    let path = add(&server.client("a"), "One", "Pears ripen in the cellar.").await;
    let document = id(&path);
    let mut storing = begin(&app.database).await;
    assert!(store(&mut storing, document).await);
    storing.commit().await.expect("an end");

    let mut changing = begin(&app.database).await;
    let change = sqlx::query("UPDATE documents SET version = 2 WHERE id = $1").bind(document);
    assert_eq!(changing.execute(change).await.expect("a change"), 1);
    let database = app.database.clone();
    let again = tokio::spawn(async move { store(&mut begin(&database).await, document).await });
    somebody_waits(app).await;
    let removed = vectors::remove(&mut changing, "a", document).await;
    removed.expect("nobody is in the way");
    changing.commit().await.expect("an end");
    assert!(!again.await.expect("no panic"), "it is of another version");
    assert_eq!(count_chunks(app).await, 0);
}
