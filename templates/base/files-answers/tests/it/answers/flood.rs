//! A flood of answers, which wait for a slow provider or arrive token by token, slows down nobody else.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tokio::task::JoinSet;

use super::{Asking, Reader, ask_for_events, ask_for_json};
use crate::support::{
    Client,
    client::{header, problem},
    eventually, files,
};

/// Many times as many as there are connections to the database, or places for writes.
const WAITING: usize = 100;

/// As many as come together where a provider has become slow.
const STALLED: usize = 1_000;

/// Begun at once; the database takes their keys one after the other.
const AT_ONCE: usize = 25;

/// Fewer: what tells their tokens is this thread too.
const TOLD: usize = 30;

/// More connections to the provider than to the database, and fewer places for writes than there are answers.
const NARROW: [(&str, &str); 7] = [
    ("APP__DATABASE__READ_CONNECTIONS", "2"),
    ("APP__LIMITS__WRITES", "16"),
    ("APP__LLM__CONCURRENCY", "200"),
    // However slow the machine is, all of them wait until the test is over.
    ("APP__LLM__FIRST_TOKEN_TIMEOUT", "120s"),
    ("APP__SERVER__REQUEST_TIMEOUT", "120s"),
    ("APP__SERVER__SHUTDOWN_GRACE", "120s"),
    ("APP__IDEMPOTENCY__LEASE", "150s"),
];

/// A place for each, and time enough to begin them all before the first is given up.
const WIDE: [(&str, &str); 7] = [
    ("APP__LIMITS__OUTWARD", "1000"),
    ("APP__LLM__CONCURRENCY", "1000"),
    ("APP__LLM__FIRST_TOKEN_TIMEOUT", "5m"),
    // A thousand answers of a dear model are more than a day's limit.
    ("APP__SPEND__LIMIT_PER_DAY", ""),
    ("APP__SERVER__REQUEST_TIMEOUT", "5m"),
    ("APP__SERVER__SHUTDOWN_GRACE", "5m"),
    ("APP__IDEMPOTENCY__LEASE", "6m"),
];

/// Far less than the provider takes, and more than a loaded machine adds.
const QUICK: Duration = Duration::from_secs(10);

async fn use_everything(client: &Client) {
    let begun = Instant::now();
    let path = client.create("one").await;
    client.replace(&path, "two").await;
    client.remove(&path).await;
    assert!(begun.elapsed() < QUICK, "{:?}", begun.elapsed());
}

/// Answers of every kind in turn, with and without a key, as events and as JSON, once all of them are on their way.
async fn flood(asking: &Asking, answers: usize, words: &'static str) -> JoinSet<()> {
    let (mut flood, client) = (JoinSet::new(), asking.client());
    for number in 0..answers {
        if number % AT_ONCE == 0 {
            all_run(asking, number).await;
        }
        let client = client.clone();
        flood.spawn(async move {
            let key = number.to_string();
            let key = (number % 2 == 0).then_some(key.as_str());
            if number % 3 == 0 {
                ask_for_json(&client, words, key).await;
            } else {
                let streamed = ask_for_events(&client, words, key).await;
                Reader::of(streamed).rest().await;
            }
        });
    }
    all_run(asking, answers).await;
    flood
}

async fn all_run(asking: &Asking, answers: usize) {
    eventually("the flood", async || {
        (asking.provider.stats().running == answers as u64).then_some(())
    })
    .await;
}

#[tokio::test]
async fn of_waiting() {
    let asking = Asking::with(&NARROW).await;
    let _flood = flood(&asking, WAITING, "first_token=110s").await;
    let other = asking.server.client("b");
    for _ in 0..20 {
        use_everything(&other).await;
    }
    assert_eq!(asking.provider.stats().running, WAITING as u64);
}

#[tokio::test]
async fn of_a_thousand_that_stall() {
    // To the service and to the provider, both ends of each.
    let Some(_turn) = files::many(4 * STALLED as u64).await else {
        return;
    };
    let asking = Asking::with(&WIDE).await;
    let _flood = flood(&asking, STALLED, "first_token=10m").await;
    let other = asking.server.client("b");
    let health = Client::new(asking.server.admin);
    for _ in 0..10 {
        use_everything(&other).await;
        for path in ["/live", "/ready"] {
            assert_eq!(health.get(path).await.status(), StatusCode::OK, "{path}");
        }
    }
    assert_eq!(asking.provider.stats().running, STALLED as u64);
}

#[tokio::test]
async fn of_tokens() {
    let asking = Asking::with(&NARROW).await;
    let _flood = flood(&asking, TOLD, "never_end gap=100ms").await;
    let other = asking.server.client("b");
    for _ in 0..20 {
        use_everything(&other).await;
    }
}

#[tokio::test]
async fn who_finds_no_place_is_told_when_to_come_back() {
    let asking = Asking::with(&[("APP__LIMITS__OUTWARD", "1")]).await;
    let client = asking.client();
    let waits = tokio::spawn(async move { ask_for_json(&client, "first_token=10s", None).await });
    eventually("the call", async || {
        (asking.provider.stats().running == 1).then_some(())
    })
    .await;
    let refused = ask_for_json(&asking.client(), "", None).await;
    assert_eq!(header(&refused, "retry-after"), "1");
    problem(refused, 503).await;
    use_everything(&asking.server.client("b")).await;
    waits.abort();
}
