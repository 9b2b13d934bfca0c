//! A job that is watched: each change is an event, and a reader goes on where it was.

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use super::{ask, becomes, many_documents};
use crate::support::{Client, Server, client::header};

/// Id and data of each event of this name; the answer has ended.
fn events(text: &str, name: &str) -> Vec<(i64, Value)> {
    let of_name = |event: &&str| event.contains(&format!("event: {name}\n"));
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::to_owned)
    };
    let read = |event: &str| {
        let id = field(event, "id: ")?.parse().ok()?;
        Some((id, serde_json::from_str(&field(event, "data: ")?).ok()?))
    };
    text.split("\n\n")
        .filter(of_name)
        .filter_map(read)
        .collect()
}

async fn watch(client: &Client, path: &str, seen: Option<i64>) -> Response {
    let request = client.request(Method::GET, &format!("{path}/events"));
    let request = match seen {
        Some(seen) => request.header("last-event-id", seen),
        None => request,
    };
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn each_change_is_an_event_and_the_last_one_is_the_end() {
    let server = Server::with_worker(&[]).await;
    many_documents(&server.app).await;
    let client = server.client("a");
    let path = ask(&client).await;
    let answer = watch(&client, &path, None).await;
    assert_eq!(header(&answer, "content-type"), "text/event-stream");
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let seen = events(&answer.text().await.expect("text"), "job");
    assert!(seen.is_sorted_by(|one, two| one.0 < two.0), "{seen:?}");
    let (last, job) = seen.last().expect("an event");
    assert_eq!(job["state"], "succeeded");

    // Who has seen all but the last is sent the last, and who has seen it is told not to come back.
    let again = watch(&client, &path, Some(last - 1))
        .await
        .text()
        .await
        .expect("text");
    assert_eq!(events(&again, "job"), [(*last, job.clone())]);
    let nothing = watch(&client, &path, Some(*last)).await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    // Who says that it has seen what never was has seen nothing.
    let strange = watch(&client, &path, Some(last + 1)).await;
    let strange = strange.text().await.expect("text");
    assert_eq!(events(&strange, "job"), [(*last, job.clone())]);
    assert_eq!(
        watch(&server.client("b"), &path, None).await.status(),
        StatusCode::NOT_FOUND
    );
}

/// Whoever is read from, the table is the same.
#[tokio::test]
async fn another_instance_tells_it_too() {
    let folder = temp_dir::TempDir::new().expect("a folder");
    let one = crate::support::Process::start_as("all", folder.path(), &[]).await;
    let two = crate::support::Process::start_as("serve", folder.path(), &[]).await;
    let client = one.client("a").await;
    let path = ask(&client).await;
    let answer = watch(&client.at(two.address), &path, None).await;
    let seen = events(&answer.text().await.expect("text"), "job");
    assert_eq!(seen.last().expect("an event").1["state"], "succeeded");
    becomes(&client, &path, "succeeded").await;
}

#[tokio::test]
async fn a_process_that_stops_ends_its_streams() {
    let server = Server::start().await;
    let client = server.client("a");
    let path = ask(&client).await;
    let mut answer = watch(&client, &path, None).await;
    let mut text = String::new();
    while !text.contains("event: job") {
        let chunk = answer.chunk().await.expect("no error").expect("more");
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
    assert!(server.stop().await, "the stream held the stop up");
    let rest = answer.text().await.expect("text");
    assert!(rest.ends_with("event: shutdown\ndata: {}\n\n"), "{rest:?}");
}
