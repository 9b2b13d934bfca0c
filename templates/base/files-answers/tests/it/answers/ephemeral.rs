//! Without a key.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Asking, PATH, Reader, ask_for_events, ask_for_json, names, text};
use crate::support::{
    client::{header, problem},
    eventually,
};

#[tokio::test]
async fn the_events_tell_what_the_json_does() {
    let asking = Asking::start().await;
    let client = asking.client();
    let streamed = ask_for_events(&client, "tokens=20", None).await;
    assert_eq!(header(&streamed, "content-type"), "text/event-stream");
    assert_eq!(header(&streamed, "cache-control"), "no-store");
    assert_eq!(header(&streamed, "x-accel-buffering"), "no");
    assert!(!streamed.headers().contains_key("location"));
    let events = Reader::of(streamed).rest().await;
    assert_eq!(names(&events), ["meta", "token", "usage", "done"]);
    assert!(events.iter().all(|event| event.id.is_none()), "{events:?}");

    let whole = ask_for_json(&client, "tokens=20", None).await;
    assert_eq!(whole.status(), 200);
    let answer: Value = whole.json().await.expect("JSON");
    assert_eq!(answer["text"], text(&events));
    assert_eq!(answer["model"], events[0].data["model"]);
    assert_eq!(answer["usage"], events[events.len() - 2].data);
    assert_eq!(answer["usage"]["is_estimated"], false);
    assert!(answer["usage"]["output_tokens"].as_u64() > Some(0));
}

#[tokio::test]
async fn the_first_event_does_not_wait_for_the_second_token() {
    let asking = Asking::start().await;
    let begun = Instant::now();
    let streamed = ask_for_events(&asking.client(), "tokens=2 gap=9s", None).await;
    let first = Reader::of(streamed).some(2).await;
    assert_eq!(names(&first), ["meta", "token"]);
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn what_fails_before_the_first_token_has_its_own_status() {
    let cases = [
        ("status=400", 502),
        ("status=503", 503),
        ("status=429 retry_after=30", 503),
        ("first_token=5s", 504),
        ("slow_headers=5s", 504),
    ];
    for (words, status) in cases {
        // A provider that fails again and again is left alone.
        let asking = Asking::with(&[("APP__LLM__FIRST_TOKEN_TIMEOUT", "1s")]).await;
        let client = asking.client();
        problem(ask_for_events(&client, words, None).await, status).await;
        problem(ask_for_json(&client, words, None).await, status).await;
    }
}

#[tokio::test]
async fn what_fails_after_it_is_the_last_event() {
    let asking = Asking::start().await;
    let client = asking.client();
    for failure in ["cut_after=3", "garbage_after=3"] {
        let words = &format!("tokens=9 gap=20ms {failure}");
        let streamed = ask_for_events(&client, words, None).await;
        let request = header(&streamed, "x-request-id").to_owned();
        let events = Reader::of(streamed).rest().await;
        assert_eq!(names(&events), ["meta", "token", "error"], "{words}");
        let error = &events.last().expect("an event").data;
        assert_eq!(error["type"], "urn:problem:upstream-broken");
        assert_eq!(error["instance"], request);
        problem(ask_for_json(&client, words, None).await, 502).await;
    }
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_given_up() {
    let asking = Asking::with(&[("APP__LLM__TOKEN_TIMEOUT", "300ms")]).await;
    let begun = Instant::now();
    let words = "tokens=9 stall_after=3";
    let streamed = ask_for_events(&asking.client(), words, None).await;
    let events = Reader::of(streamed).rest().await;
    let error = &events.last().expect("an event").data;
    assert_eq!(error["type"], "urn:problem:upstream-timeout");
    assert!(begun.elapsed() > Duration::from_millis(300));
    eventually("the place at the provider", async || {
        (asking.provider.stats().running == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_question_has_its_bounds() {
    let asking = Asking::start().await;
    for question in [json!(""), json!("x".repeat(4_001)), json!(1), Value::Null] {
        let body = json!({ "question": question });
        problem(asking.client().post(PATH, &body).await, 422).await;
    }
    assert_eq!(asking.provider.stats().chats, 0);
}
