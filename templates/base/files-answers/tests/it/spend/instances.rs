//! Two processes on one database, and a caller who asks both at once.

use reqwest::StatusCode;
use serde_json::{Value, json};
use service::simulator::{Rule, Simulator};
use temp_dir::TempDir;
use tokio::task::JoinSet;

use crate::support::{
    Process,
    client::{header, problem},
    eventually,
};

/// In nano-dollars.
const LIMIT: u64 = 1_000_000_000;

#[tokio::test]
async fn two_processes_keep_one_limit() {
    let provider = Simulator::start().await.expect("a simulator");
    // So that those that are asked run side by side.
    let is_slow = Rule::parse("kind=chat first_token=1s").expect("a rule");
    provider.play(vec![is_slow]);
    let base_url = provider.base_url();
    let variables = [
        ("APP__LLM__BASE_URL", base_url.as_str()),
        ("APP__EMBEDDINGS__BASE_URL", base_url.as_str()),
        ("APP__LLM__MODEL", "large"),
        ("APP__LLM__PRICES", "large=0/1000,text-embedding-3-small=0"),
        ("APP__ANSWERS__MAX_TOKENS", "100"),
        ("APP__SPEND__LIMIT_PER_DAY", "1.00"),
    ];
    let folder = TempDir::new().expect("a folder");
    let (one, other) = tokio::join!(
        Process::start(folder.path(), &variables),
        Process::start(folder.path(), &variables)
    );
    let client = one.client("a").await;
    let instances = [client.clone(), client.at(other.address)];
    let mut asking = JoinSet::new();
    for (number, client) in (0..50).zip(instances.into_iter().cycle()) {
        asking.spawn(async move {
            let question = json!({ "question": format!("Why {number}?") });
            client.post("/v1/answers", &question).await
        });
    }
    let mut answered = 0;
    for answer in asking.join_all().await {
        if answer.status() == StatusCode::OK {
            answered += 1;
            continue;
        }
        let wait: u64 = header(&answer, "retry-after").parse().expect("seconds");
        assert!((1..=86_400).contains(&wait), "{wait}");
        let problem = problem(answer, 429).await;
        assert_eq!(problem["type"], "urn:problem:spend-limit-reached");
    }
    assert!((1..50).contains(&answered), "{answered}");
    assert_eq!(
        provider.stats().chats,
        answered,
        "nobody else was asked for"
    );
    let spent = eventually("the end of all reservations", async || {
        let told: Value = client.get("/v1/spend").await.json().await.expect("JSON");
        (told["reserved"] == "0.000000000").then(|| nanos(&told["spent"]))
    })
    .await;
    assert!(spent <= LIMIT, "{spent}");
}

fn nanos(dollars: &Value) -> u64 {
    let digits = dollars.as_str().expect("an amount").replace('.', "");
    digits.parse().expect("nano-dollars")
}
