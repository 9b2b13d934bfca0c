//! A client that leaves, or does not read, costs no more than what it had.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use service::simulator::Simulator;

use super::{Asking, PATH, Reader, ask_for_events, question};
use crate::support::{Client, eventually};

/// Far less than what is left of the answer, and more than a loaded machine adds.
const SOON: Duration = Duration::from_secs(8);

async fn is_left(provider: &Simulator) {
    let begun = Instant::now();
    eventually("the end of the call", async || {
        (provider.stats().left == 1).then_some(())
    })
    .await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(provider.stats().running, 0);
}

async fn is_asked(provider: &Simulator) {
    eventually("the call", async || {
        let stats = provider.stats();
        (stats.chats == 1 && stats.running == 1).then_some(())
    })
    .await;
}

/// What came until then is paid for, and what it was is estimated: the provider had no time to say.
async fn is_paid(client: &Client, has_answer: bool) {
    let paid = eventually("the bill", async || {
        let answer = client.get("/v1/spend").await;
        let spend: Value = answer.json().await.expect("JSON");
        let mut models = spend["models"].as_array().expect("models").iter();
        // The question's embedding may be among them, and was paid for before.
        let answers = |model: &&Value| !model["model"].to_string().contains("embedding");
        models.find(answers).cloned()
    })
    .await;
    assert_eq!(paid["calls"], 1);
    assert!(paid["input_tokens"].as_u64() > Some(0), "{paid}");
    assert_eq!(
        paid["output_tokens"].as_u64() > Some(0),
        has_answer,
        "{paid}"
    );
}

#[tokio::test]
async fn before_the_first_token_the_call_ends_with_the_client() {
    for accept in ["text/event-stream", "application/json"] {
        let asking = Asking::start().await;
        let request = asking.client().request(Method::POST, PATH);
        let request = request.header("accept", accept);
        let waits = request.json(&question("first_token=10s")).send();
        let waits = tokio::spawn(waits);
        is_asked(&asking.provider).await;
        waits.abort();
        is_left(&asking.provider).await;
        is_paid(&asking.client(), false).await;
    }
}

#[tokio::test]
async fn in_the_middle_the_call_ends_with_the_client() {
    for seen in [3, 30] {
        let asking = Asking::start().await;
        let streamed = ask_for_events(&asking.client(), "never_end gap=10ms", None).await;
        let mut reader = Reader::of(streamed);
        reader.some(1 + seen).await;
        drop(reader);
        is_left(&asking.provider).await;
        is_paid(&asking.client(), true).await;
    }
}

#[tokio::test]
async fn a_json_answer_that_nobody_waits_for_is_not_made() {
    let asking = Asking::start().await;
    let request = asking.client().request(Method::POST, PATH);
    let waits = tokio::spawn(request.json(&question("never_end gap=10ms")).send());
    is_asked(&asking.provider).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    waits.abort();
    is_left(&asking.provider).await;
}

/// On HTTP/2 its connection goes on, and only its answer stands still: nothing piles up, and it is given up.
#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_off() {
    let asking = Asking::with(&[("APP__SERVER__WRITE_TIMEOUT", "1s")]).await;
    let client = asking.client();
    let reads_nothing = reqwest::Client::builder()
        .http2_prior_knowledge()
        .http2_initial_stream_window_size(1_024)
        .build()
        .expect("a client");
    let url = format!("http://{}{PATH}", asking.server.address);
    let request = reads_nothing
        .post(url)
        .header("authorization", client.authorization())
        .header("accept", "text/event-stream")
        .json(&question("never_end"));
    let unread = request.send().await.expect("an answer");
    assert_eq!(unread.status(), 200);
    eventually("the end of the call", async || {
        (asking.provider.stats().left == 1).then_some(())
    })
    .await;
    drop(unread);
}
