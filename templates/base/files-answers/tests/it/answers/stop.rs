//! A process that stops ends its streams in time, and says so.

use service::simulator::Simulator;
use temp_dir::TempDir;

use super::{Reader, ask_for_events, names, process, resume};
use crate::support::client::header;

const WORDS: &str = "never_end gap=50ms";

#[tokio::test]
async fn open_streams_do_not_hold_it_up() {
    let folder = TempDir::new().expect("a folder");
    let provider = Simulator::start().await.expect("a simulator");
    let stops = process(folder.path(), &provider, &[]).await;
    let client = stops.client("a").await;
    let mut ephemeral = Reader::of(ask_for_events(&client, WORDS, None).await);
    let mut durable = Reader::of(ask_for_events(&client, WORDS, Some("k")).await);
    let path = header(&durable.response, "location").to_owned();
    ephemeral.some(3).await;
    durable.some(3).await;

    assert_eq!(stops.terminate().await.code(), Some(0));
    let end = |events: Vec<super::Event>| events.last().expect("an event").name.clone();
    assert_eq!(end(ephemeral.rest().await), "shutdown");
    assert!(["shutdown", "error"].contains(&end(durable.rest().await).as_str()));
    assert_eq!(provider.stats().running, 0);

    let next = process(folder.path(), &provider, &[]).await;
    let read = resume(&client.at(next.address), &path, 0).await;
    let events = Reader::of(read).rest().await;
    let error = events.last().expect("an event");
    assert_eq!(error.data["type"], "urn:problem:answer-interrupted");
}

#[tokio::test]
async fn what_can_end_in_time_does() {
    let folder = TempDir::new().expect("a folder");
    let provider = Simulator::start().await.expect("a simulator");
    let patient = [("APP__ANSWERS__DRAIN_TIMEOUT", "15s")];
    let stops = process(folder.path(), &provider, &patient).await;
    let client = stops.client("a").await;
    let words = "tokens=40 gap=50ms";
    let mut ephemeral = Reader::of(ask_for_events(&client, words, None).await);
    let durable = Reader::of(ask_for_events(&client, words, Some("k")).await);
    let path = header(&durable.response, "location").to_owned();
    ephemeral.some(3).await;

    let ended = tokio::spawn(stops.terminate());
    let events = ephemeral.rest().await;
    assert_eq!(names(&events), ["token", "usage", "done"]);
    assert_eq!(ended.await.expect("no panic").code(), Some(0));

    let next = process(folder.path(), &provider, &[]).await;
    let read = resume(&client.at(next.address), &path, 0).await;
    let events = Reader::of(read).rest().await;
    assert_eq!(names(&events), ["meta", "token", "usage", "done"]);
}
