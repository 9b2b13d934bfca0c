//! With a key: made once, to the end, and kept.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use service::{app::context::Context, data::meter::Meter, edge::deadline::Deadline, maintenance};
use tokio::task::block_in_place;
use uuid::Uuid;

use super::{
    Asking, PATH, Reader, ask_for_events, ask_for_json, names, question, resume, rules, text,
};
use crate::support::{
    Client,
    client::{header, problem},
    eventually,
};

async fn read(client: &Client, path: &str) -> Value {
    let answer = client.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.expect("JSON")
}

/// Waits until the answer is in this state.
async fn becomes(client: &Client, path: &str, state: &str) -> Value {
    eventually(state, async || {
        let answer = read(client, path).await;
        (answer["state"] == state).then_some(answer)
    })
    .await
}

fn location(answer: &Response) -> String {
    header(answer, "location").to_owned()
}

/// What is done for it once it is over must not wait for what is done at its beginning, nor the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_over_as_soon_as_it_begins_is_begun_all_the_same() {
    let asking = Asking::start().await;
    let client = asking.client();
    for number in 1..=20 {
        // Each another question: one that was answered before costs nothing.
        let words = format!("tokens=1 gap={number}ms");
        let answer = ask_for_events(&client, &words, Some(&number.to_string())).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let events = Reader::of(answer).rest().await;
        assert_eq!(names(&events), ["meta", "token", "usage", "done"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_events_are_numbered_and_told_again() {
    let asking = Asking::start().await;
    let client = asking.client();
    let first = ask_for_events(&client, "tokens=30 gap=10ms", Some("k")).await;
    let (path, request) = (location(&first), header(&first, "x-request-id").to_owned());
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let events = Reader::of(first).rest().await;
    assert_eq!(names(&events), ["meta", "token", "usage", "done"]);
    let ids: Vec<i64> = events.iter().filter_map(|event| event.id).collect();
    let expected: Vec<i64> = (1..).take(events.len()).collect();
    assert_eq!(ids, expected);

    let again = ask_for_events(&client, "tokens=30 gap=10ms", Some("k")).await;
    assert_eq!(location(&again), path);
    assert_eq!(header(&again, "idempotent-replayed"), "true");
    assert_eq!(header(&again, "original-request-id"), request);
    assert_eq!(Reader::of(again).rest().await, events);
    let from_the_middle = Reader::of(resume(&client, &path, 2).await).rest().await;
    assert_eq!(from_the_middle, events[2..]);
    let last = *ids.last().expect("an event");
    assert_eq!(resume(&client, &path, last).await.status(), 204);

    let kept = read(&client, &path).await;
    assert_eq!(kept["state"], "succeeded");
    assert_eq!(kept["answer"]["text"], text(&events));
    assert_eq!(asking.provider.stats().chats, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_it_is_whole_and_the_same_again() {
    let asking = Asking::start().await;
    let client = asking.client();
    let first = ask_for_json(&client, "tokens=5", Some("k")).await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let path = location(&first);
    let body = first.bytes().await.expect("a body");
    let again = ask_for_json(&client, "tokens=5", Some("k")).await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(header(&again, "idempotent-replayed"), "true");
    assert_eq!(again.bytes().await.expect("a body"), body);
    assert_eq!(client.get(&path).await.bytes().await.expect("a body"), body);
    assert_eq!(asking.provider.stats().chats, 1);

    problem(ask_for_json(&client, "tokens=6", Some("k")).await, 422).await;
    let other = asking.server.client("b");
    for foreign in [
        path.clone(),
        format!("{path}/events"),
        format!("{PATH}/{}", Uuid::nil()),
    ] {
        problem(other.get(&foreign).await, 404).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_longer_than_the_request_may_is_read_later() {
    let asking = Asking::start().await;
    let client = asking.client();
    let request = client.request(reqwest::Method::POST, PATH);
    let request = request
        .header("idempotency-key", "k")
        .header("x-request-timeout-ms", 4_000)
        .json(&question("tokens=30 gap=300ms"));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&answer, "retry-after"), "1");
    let path = location(&answer);
    assert_eq!(read(&client, &path).await["state"], "running");
    assert_eq!(header(&client.get(&path).await, "retry-after"), "1");
    becomes(&client, &path, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_to_its_end_whoever_listens() {
    let asking = Asking::start().await;
    let client = asking.client();
    let mut reader = Reader::of(ask_for_events(&client, "tokens=30 gap=20ms", Some("k")).await);
    let path = location(&reader.response);
    reader.some(2).await;
    drop(reader);
    let answer = becomes(&client, &path, "succeeded").await;
    assert_eq!(answer["answer"]["usage"]["is_estimated"], false);
    let stats = asking.provider.stats();
    assert_eq!((stats.chats, stats.left), (1, 0));
}

/// Before there is a row as well: the key is what holds it.
#[tokio::test(flavor = "multi_thread")]
async fn nor_does_it_matter_who_waits_for_the_first_token() {
    let asking = Asking::start().await;
    let client = asking.client();
    let words = "tokens=3 first_token=1s";
    let waits = {
        let client = client.clone();
        tokio::spawn(async move { ask_for_events(&client, words, Some("k")).await })
    };
    eventually("the call", async || {
        (asking.provider.stats().running == 1).then_some(())
    })
    .await;
    waits.abort();
    let answer = eventually("the answer", async || {
        let answer = ask_for_events(&client, words, Some("k")).await;
        (answer.status() == StatusCode::OK).then_some(answer)
    })
    .await;
    let events = Reader::of(answer).rest().await;
    assert_eq!(names(&events), ["meta", "token", "usage", "done"]);
    assert_eq!(asking.provider.stats().chats, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_with_one_key_are_one_call() {
    let asking = Asking::start().await;
    let words = "tokens=3 first_token=300ms";
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let client = asking.client();
        crowd.spawn(async move { ask_for_json(&client, words, Some("k")).await });
    }
    let mut made = 0;
    for answer in crowd.join_all().await {
        match answer.status() {
            StatusCode::CREATED => made += 1,
            _ => {
                assert_eq!(header(&answer, "retry-after"), "1");
                problem(answer, 409).await;
            }
        }
    }
    assert!(made > 0);
    assert_eq!(asking.provider.stats().chats, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_the_first_token_gives_the_key_back() {
    let asking = Asking::start().await;
    let client = asking.client();
    asking.provider.play(rules("times=1 status=400"));
    let failed = ask_for_events(&client, "tokens=3", Some("k")).await;
    assert!(!failed.headers().contains_key("location"));
    problem(failed, 502).await;
    let again = ask_for_events(&client, "tokens=3", Some("k")).await;
    assert!(!again.headers().contains_key("idempotent-replayed"));
    let events = Reader::of(again).rest().await;
    assert_eq!(names(&events), ["meta", "token", "usage", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_in_the_middle_has_failed_for_good() {
    let asking = Asking::start().await;
    let client = asking.client();
    let words = "tokens=9 gap=20ms cut_after=3";
    let first = ask_for_events(&client, words, Some("k")).await;
    let path = location(&first);
    let events = Reader::of(first).rest().await;
    let error = events.last().expect("an event");
    assert_eq!(error.name, "error");
    assert_eq!(error.data["type"], "urn:problem:upstream-broken");
    let kept = read(&client, &path).await;
    assert_eq!(
        (&kept["state"], &kept["error"]),
        (&json!("failed"), &error.data)
    );
    let as_json = ask_for_json(&client, words, Some("k")).await;
    assert_eq!(location(&as_json), path);
    assert_eq!(as_json.status(), 502);
    assert_eq!(asking.provider.stats().chats, 1);
}

/// A transaction for each token would leave no time for others. A busy machine makes more of them, but hardly each time.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_come_fast_are_kept_together() {
    let asking = Asking::start().await;
    let client = asking.client();
    let mut counts = Vec::new();
    let (words, events) = loop {
        let tries = counts.len() as u64;
        let words = format!("tokens={}", 1_000 + tries);
        let asked = ask_for_events(&client, &words, Some(&format!("k{tries}"))).await;
        let events = Reader::of(asked).rest().await;
        assert_eq!(asking.provider.stats().chats, tries + 1);
        if events.len() < 100 {
            break (words, events);
        }
        counts.push(events.len());
        assert!(counts.len() < 3, "{counts:?}");
    };
    let whole: Value = ask_for_json(&client, &words, None)
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(whole["text"], text(&events));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_kept_for_a_while_and_the_answer_for_longer() {
    let short = [
        ("APP__ANSWERS__EVENTS_RETENTION", "1ms"),
        ("APP__ANSWERS__RETENTION", "24h"),
    ];
    let asking = Asking::with(&short).await;
    let client = asking.client();
    let first = ask_for_events(&client, "tokens=3", Some("k")).await;
    let path = location(&first);
    Reader::of(first).rest().await;
    let deadline = Deadline::after(Duration::from_secs(20));
    let mut context = Context::of_job(&asking.server.app, "", Uuid::nil(), deadline);
    let removed = block_in_place(|| maintenance::purge_answers(&mut context));
    assert_eq!(removed.expect("a purge"), 0);

    let expired = problem(resume(&client, &path, 1).await, 410).await;
    assert_eq!(expired["type"], "urn:problem:answer-events-expired");
    let detail = expired["detail"].as_str().expect("text");
    assert!(detail.ends_with(&format!("GET {path}")), "{detail}");
    assert_eq!(read(&client, &path).await["state"], "succeeded");
    let again = ask_for_json(&client, "tokens=3", Some("k")).await;
    assert_eq!(again.status(), StatusCode::CREATED);
}

/// Whoever has seen what never was would wait for what comes after it, and never be told the end.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_never_was_is_nothing_to_go_on_from() {
    let asking = Asking::start().await;
    let client = asking.client();
    for (key, words) in [("whole", "tokens=3"), ("running", "never_end gap=20ms")] {
        let mut reader = Reader::of(ask_for_events(&client, words, Some(key)).await);
        let path = location(&reader.response);
        if key == "whole" {
            reader.rest().await;
        } else {
            reader.some(2).await;
        }
        let refused = problem(resume(&client, &path, 1_000_000).await, 410).await;
        assert_eq!(
            refused["type"], "urn:problem:answer-events-expired",
            "{key}"
        );
    }
}

/// They are removed in batches: of an answer that has lost some, none are told.
#[tokio::test(flavor = "multi_thread")]
async fn of_events_that_are_half_removed_none_are_told() {
    let asking = Asking::start().await;
    let client = asking.client();
    let first = ask_for_events(&client, "tokens=9 gap=60ms", Some("k")).await;
    let path = location(&first);
    let events = Reader::of(first).rest().await;
    let deadline = Deadline::after(Duration::from_secs(20));
    let database = &asking.server.app.database;
    let connection = database.write(deadline, &Meter::default()).await;
    let half = sqlx::query("DELETE FROM answer_events WHERE number <= 3");
    let mut connection = connection.expect("a connection");
    connection.execute(half).await.expect("a change");
    drop(connection);
    for seen in [0, 1, 2] {
        problem(resume(&client, &path, seen).await, 410).await;
    }
    let rest = Reader::of(resume(&client, &path, 3).await).rest().await;
    assert_eq!(rest, events[3..]);
}
