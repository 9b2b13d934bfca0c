//! kill -9 at any moment: the request that is sent again is done once, and whoever was answered is answered
//! the same.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use temp_dir::TempDir;
use tokio::task::JoinSet;

use super::PATH;
use crate::support::{Client, Process, document, eventually, size};

const REQUESTS: usize = 40;

/// Short enough to be waited for.
const VARIABLES: [(&str, &str); 3] = [
    ("APP__DATABASE__ACQUIRE_TIMEOUT", "1500ms"),
    ("APP__SERVER__REQUEST_TIMEOUT", "2s"),
    ("APP__IDEMPOTENCY__LEASE", "2500ms"),
];

/// The answer, where there was one and it was 201.
async fn send(client: Client, key: String) -> Option<(String, Bytes)> {
    let request = client.request(Method::POST, PATH);
    let request = request.header("idempotency-key", &key);
    let answer = request.json(&document(&key)).send().await.ok()?;
    let is_made = answer.status() == StatusCode::CREATED;
    let body = answer.bytes().await.ok()?;
    is_made.then_some((key, body))
}

/// Sends many requests at once, kills the process when `answers` of them are answered, and gives those.
async fn die_after(
    answers: usize,
    process: Process,
    client: &Client,
    keys: &[String],
) -> BTreeMap<String, Bytes> {
    let mut requests = JoinSet::new();
    for key in keys {
        requests.spawn(send(client.clone(), key.clone()));
    }
    let mut answered = BTreeMap::new();
    while answered.len() < answers {
        let answer = requests.join_next().await.expect("so many answers");
        answered.extend(answer.expect("no panic"));
    }
    process.kill().await;
    answered.extend(requests.join_all().await.into_iter().flatten());
    answered
}

#[tokio::test]
async fn whatever_was_going_on_is_done_exactly_once() {
    let folder = TempDir::new().expect("a folder");
    let mut made = 0;
    for round in 0..size("TEST_CRASHES", 3) {
        // Early, in the middle, late, and again.
        let answers = 1 + round * 12 % (REQUESTS - 5);
        let process = Process::start(folder.path(), &VARIABLES).await;
        let client = process.client("a").await;
        let keys: Vec<String> = (0..REQUESTS).map(|key| format!("{round}-{key}")).collect();
        let answered = die_after(answers, process, &client, &keys).await;

        let process = Process::start(folder.path(), &VARIABLES).await;
        let client = client.at(process.address);
        for key in &keys {
            let again = async || send(client.clone(), key.clone()).await;
            let (_, body) = eventually("an answer", again).await;
            if let Some(answer) = answered.get(key) {
                assert_eq!(&body, answer);
            }
            let document: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(document["title"], key.as_str());
        }
        made += REQUESTS;
        assert_eq!(client.count().await, made);
        process.kill().await;
    }
}
