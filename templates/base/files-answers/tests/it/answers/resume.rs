//! An answer that one instance makes is read from another, and outlives neither its maker nor its lease.

use std::time::{Duration, Instant};

use service::simulator::Simulator;
use temp_dir::TempDir;
use tokio::time::timeout;

use super::{Asking, Reader, ask_for_events, names, process, resume, text};
use crate::support::client::header;

/// Less than the answer's silence, and more than a heartbeat on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

const SHORT: [(&str, &str); 1] = [("APP__ANSWERS__LEASE", "3s")];

#[tokio::test]
async fn on_another_instance_while_it_is_made() {
    let folder = TempDir::new().expect("a folder");
    let provider = Simulator::start().await.expect("a simulator");
    let maker = process(folder.path(), &provider, &[]).await;
    let other = process(folder.path(), &provider, &[]).await;
    let client = maker.client("a").await;
    let words = "tokens=60 gap=50ms";
    let mut here = Reader::of(ask_for_events(&client, words, Some("k")).await);
    let path = header(&here.response, "location").to_owned();
    let mut all = here.some(4).await;
    drop(here);

    let there = client.at(other.address);
    let seen = all.last().and_then(|event| event.id).expect("an id");
    let mut reader = Reader::of(resume(&there, &path, seen).await);
    all.extend(reader.some(2).await);
    assert_eq!(provider.stats().running, 1, "it was over too soon");
    // The same request goes there as well, and finds the same answer.
    let same = Reader::of(ask_for_events(&there, words, Some("k")).await);
    assert_eq!(header(&same.response, "location"), path);
    let (rest, same) = tokio::join!(reader.rest(), same.rest());
    all.extend(rest);

    assert_eq!(names(&all), ["meta", "token", "usage", "done"]);
    assert_eq!(all, same);
    let ids: Vec<i64> = all.iter().filter_map(|event| event.id).collect();
    let expected: Vec<i64> = (1..).take(all.len()).collect();
    assert_eq!(ids, expected);
    let kept: serde_json::Value = there.get(&path).await.json().await.expect("JSON");
    assert_eq!(kept["answer"]["text"], text(&all));
    let stats = provider.stats();
    assert_eq!((stats.chats, stats.left), (1, 0));
}

/// Whoever comes back to an answer that is known to be there need not wait for the next event to learn that it is
/// connected: what could be refused was refused before the head.
#[tokio::test]
async fn while_it_is_silent_its_head_comes_at_once_and_heartbeats_after_it() {
    let asking = Asking::with(&[("APP__LLM__TOKEN_TIMEOUT", "120s")]).await;
    let client = asking.client();
    let words = "tokens=9 stall_after=3";
    let mut reader = Reader::of(ask_for_events(&client, words, Some("k")).await);
    let path = header(&reader.response, "location").to_owned();
    let mut seen = reader.some(2).await;
    while text(&seen).split_whitespace().count() < 3 {
        seen.extend(reader.some(1).await);
    }
    drop(reader);

    let last = seen.last().and_then(|event| event.id).expect("an id");
    let resumed = timeout(PATIENCE, resume(&client, &path, last)).await;
    let mut resumed = resumed.expect("a head while nothing is said");
    assert_eq!(resumed.status(), 200);
    assert_eq!(header(&resumed, "content-type"), "text/event-stream");
    for expected in ["retry: 3000\n\n", ": still here\n\n"] {
        let chunk = timeout(PATIENCE, resumed.chunk()).await;
        let chunk = chunk.expect("a sign of life").expect("no error");
        assert_eq!(chunk.as_deref(), Some(expected.as_bytes()));
    }
    assert_eq!(asking.provider.stats().running, 1, "it is silent still");
}

#[tokio::test]
async fn whose_maker_is_killed_ends_with_an_error_within_the_lease() {
    let folder = TempDir::new().expect("a folder");
    let provider = Simulator::start().await.expect("a simulator");
    let maker = process(folder.path(), &provider, &SHORT).await;
    let other = process(folder.path(), &provider, &SHORT).await;
    let client = maker.client("a").await;
    let words = "never_end gap=20ms";
    let mut here = Reader::of(ask_for_events(&client, words, Some("k")).await);
    let path = header(&here.response, "location").to_owned();
    here.some(3).await;
    let there = client.at(other.address);
    let mut reader = Reader::of(resume(&there, &path, 0).await);
    reader.some(3).await;

    maker.kill().await;
    let killed = Instant::now();
    let events = reader.rest().await;
    // The lease, a look a second, and what a loaded machine adds.
    assert!(
        killed.elapsed() < Duration::from_secs(15),
        "{:?}",
        killed.elapsed()
    );
    let error = events.last().expect("an event");
    assert_eq!(error.name, "error");
    assert_eq!(error.data["type"], "urn:problem:answer-interrupted");
    let kept: serde_json::Value = there.get(&path).await.json().await.expect("JSON");
    assert_eq!(kept["state"], "failed");
    // Whoever reads it later is told the same.
    let again = Reader::of(ask_for_events(&there, words, Some("k")).await);
    assert_eq!(again.rest().await.last(), Some(error));
    assert_eq!(provider.stats().chats, 1);
}

/// Whoever wakes up after its lease finds that it has been given up, and adds nothing.
#[tokio::test]
async fn whose_maker_slept_past_the_lease_stays_ended() {
    let folder = TempDir::new().expect("a folder");
    let provider = Simulator::start().await.expect("a simulator");
    let maker = process(folder.path(), &provider, &SHORT).await;
    let other = process(folder.path(), &provider, &SHORT).await;
    let client = maker.client("a").await;
    // It is silent, so it does not hold the database's lock when it is stopped.
    let words = "tokens=9 stall_after=3";
    let mut here = Reader::of(ask_for_events(&client, words, Some("k")).await);
    let path = header(&here.response, "location").to_owned();
    here.some(2).await;
    maker.signal("STOP");
    let there = client.at(other.address);
    let events = Reader::of(resume(&there, &path, 0).await).rest().await;
    assert_eq!(events.last().expect("an event").name, "error");
    maker.signal("CONT");
    crate::support::eventually("it to notice", async || {
        maker
            .log()
            .contains("lease of an answer was lost")
            .then_some(())
    })
    .await;
    let again = Reader::of(resume(&there, &path, 0).await).rest().await;
    assert_eq!(again, events);
    maker.kill().await;
}
