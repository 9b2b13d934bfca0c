//! P1: any instance answers any request. Two processes share one data folder, and one caller asks them in
//! turn.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use service::{
    data::{database::Database, meter::Meter},
    edge::deadline::Deadline,
};
use temp_dir::TempDir;

use crate::support::{
    Client, Process,
    client::{header, problem},
    configuration, document,
};

/// Two processes that were started at the same moment, and the same caller at each.
struct Pair {
    folder: TempDir,
    one: (Process, Client),
    other: (Process, Client),
}

impl Pair {
    async fn start() -> Self {
        Self::on(TempDir::new().expect("a folder")).await
    }

    async fn on(folder: TempDir) -> Self {
        let (one, other) = tokio::join!(
            Process::start(folder.path(), &[]),
            Process::start(folder.path(), &[])
        );
        let client = one.client("a").await;
        let same = client.at(other.address);
        Self {
            folder,
            one: (one, client),
            other: (other, same),
        }
    }

    /// The caller at either, in turn.
    fn turns(&self) -> impl Iterator<Item = &Client> {
        [&self.one.1, &self.other.1].into_iter().cycle()
    }
}

#[tokio::test]
async fn what_one_writes_the_other_reads_and_changes() {
    let pair = Pair::start().await;
    let (here, there) = (&pair.one.1, &pair.other.1);

    let created = here.post("/v1/documents", &document("one")).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let path = header(&created, "location").to_owned();
    let tag = header(&created, "etag").to_owned();
    let body = created.bytes().await.expect("a body");

    let read = there.get(&path).await;
    assert_eq!(header(&read, "etag"), tag);
    assert_eq!(read.bytes().await.expect("a body"), body);

    let replaced = replace(there, &path, &tag, "two").await;
    assert_eq!(replaced.status(), StatusCode::OK);
    let next_tag = header(&replaced, "etag").to_owned();
    let body = replaced.bytes().await.expect("a body");
    assert_eq!(here.get(&path).await.bytes().await.expect("a body"), body);

    problem(replace(here, &path, &tag, "late").await, 412).await;
    let replaced = replace(here, &path, &next_tag, "three").await;
    assert_eq!(replaced.status(), StatusCode::OK);

    there.remove(&path).await;
    problem(here.get(&path).await, 404).await;
    assert_eq!(here.count().await, 0);
}

#[tokio::test]
async fn a_cursor_of_one_is_good_on_the_other() {
    let pair = Pair::start().await;
    let mut created = Vec::new();
    for (number, client) in (1..=5).zip(pair.turns()) {
        let path = client.create(&format!("number {number}")).await;
        created.push(path.rsplit('/').next().expect("an id").to_owned());
    }

    let (listed, pages) = walk(pair.turns()).await;
    assert_eq!(pages, 3);
    created.sort();
    assert_eq!(listed, created);
}

#[tokio::test]
async fn a_key_that_one_has_seen_is_known_to_the_other() {
    let pair = Pair::start().await;
    let (here, there) = (&pair.one.1, &pair.other.1);

    let first = here
        .post_with_key("/v1/documents", "k", &document("one"))
        .await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let id = header(&first, "x-request-id").to_owned();
    let body = first.bytes().await.expect("a body");

    let again = there
        .post_with_key("/v1/documents", "k", &document("one"))
        .await;
    assert_eq!(header(&again, "idempotent-replayed"), "true");
    assert_eq!(header(&again, "original-request-id"), id);
    assert_eq!(again.bytes().await.expect("a body"), body);

    let foreign = there
        .post_with_key("/v1/documents", "k", &document("two"))
        .await;
    problem(foreign, 422).await;
    assert_eq!(there.count().await, 1);
}

#[tokio::test]
async fn a_key_that_one_is_working_on_is_in_use_on_the_other() {
    let pair = Pair::start().await;
    let (here, there) = (&pair.one.1, &pair.other.1);
    here.post_with_key("/v1/documents", "k", &document("one"))
        .await;

    let unfinish = "UPDATE idempotency_keys SET status = NULL, headers = NULL, body = NULL";
    // As it is while the request still runs.
    change(pair.folder.path(), unfinish).await;

    for client in [there, here] {
        let refused = client
            .post_with_key("/v1/documents", "k", &document("one"))
            .await;
        assert_eq!(header(&refused, "retry-after"), "1");
        let problem = problem(refused, 409).await;
        assert_eq!(problem["type"], "urn:problem:idempotency-key-in-use");
    }
    assert_eq!(there.count().await, 1);
}

#[tokio::test]
async fn everything_is_still_there_after_both_were_restarted() {
    let pair = Pair::start().await;
    let path = pair.one.1.create("one").await;
    let body = body_of(&pair.one.1, &path).await;
    let first = pair
        .other
        .1
        .post_with_key("/v1/documents", "k", &document("two"))
        .await;
    let answer = first.bytes().await.expect("a body");
    let page = page(&pair.one.1, 1, None).await;
    let cursor = page["next"].as_str().expect("a second page");

    let client = pair.one.1.clone();
    pair.one.0.kill().await;
    assert!(pair.other.0.terminate().await.success());
    let pair = Pair::on(pair.folder).await;

    for process in [&pair.one.0, &pair.other.0] {
        // With the credential of before.
        let client = client.at(process.address);
        assert_eq!(body_of(&client, &path).await, body);
        let again = client
            .post_with_key("/v1/documents", "k", &document("two"))
            .await;
        assert_eq!(header(&again, "idempotent-replayed"), "true");
        assert_eq!(again.bytes().await.expect("a body"), answer);
        let second = self::page(&client, 1, Some(cursor)).await;
        assert_eq!(second["items"][0]["title"], "two");
        assert_eq!(client.count().await, 2);
    }
}

#[tokio::test]
async fn many_that_start_at_once_on_an_empty_folder_all_come_up() {
    let folder = TempDir::new().expect("a folder");
    let (a, b, c, d) = tokio::join!(
        Process::start(folder.path(), &[]),
        Process::start(folder.path(), &[]),
        Process::start(folder.path(), &[]),
        Process::start(folder.path(), &[])
    );
    let client = a.client("a").await;
    let clients = [&a, &b, &c, &d].map(|process| client.at(process.address));
    for client in &clients {
        client.create("one of each").await;
    }
    for client in &clients {
        assert_eq!(client.count().await, clients.len());
    }
    // They sign with one key: each page is asked of the next.
    let (listed, pages) = walk(clients.iter().cycle()).await;
    assert_eq!((listed.len(), pages), (clients.len(), 2));
}

async fn replace(client: &Client, path: &str, tag: &str, title: &str) -> Response {
    let request = client.request(Method::PUT, path).header("if-match", tag);
    let answer = request.json(&document(title)).send().await;
    answer.expect("an answer")
}

async fn body_of(client: &Client, path: &str) -> Bytes {
    let answer = client.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.bytes().await.expect("a body")
}

async fn page(client: &Client, limit: u32, cursor: Option<&str>) -> Value {
    let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
    let path = format!("/v1/documents?limit={limit}{cursor}");
    serde_json::from_slice(&body_of(client, &path).await).expect("JSON")
}

/// Asks each page of two documents of the next client. The ids in their order, and how many pages there were.
async fn walk<'a>(clients: impl Iterator<Item = &'a Client>) -> (Vec<String>, usize) {
    let mut ids = Vec::new();
    let mut cursor = None;
    for (number, client) in clients.enumerate() {
        let page = page(client, 2, cursor.as_deref()).await;
        let items = page["items"].as_array().expect("items");
        ids.extend(items.iter().map(|item| text(&item["id"])));
        match &page["next"] {
            Value::Null => return (ids, number + 1),
            next => cursor = Some(text(next)),
        }
    }
    unreachable!("the clients have no end")
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Runs a statement on the database of the processes, as a third one.
async fn change(folder: &Path, statement: &'static str) {
    let config = configuration(folder, &[]);
    let database = Database::open(&config.database, folder).await;
    let database = database.expect("the database");
    let deadline = Deadline::after(Duration::from_secs(20));
    let connection = database.write(deadline, &Meter::default()).await;
    let changed = connection
        .expect("a connection")
        .execute(sqlx::query(statement))
        .await;
    assert_eq!(changed.expect("a change"), 1);
    database.close().await;
}
