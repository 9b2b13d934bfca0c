//! Other services are told of all that was accepted, and each message of theirs is taken once, whoever is killed on the way.

use std::collections::BTreeSet;

use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{Caller, PATIENCE, PAUSE, SHORT, Stack};
use crate::support::queue::Stranger;

const TENANT: &str = "partner";
const MESSAGES: usize = 8;

#[tokio::test]
async fn others_are_told_of_all_that_was_accepted() {
    let mut stack = Stack::start(&SHORT).await;
    let Some(stranger) = Stranger::of(stack.folder.path()).await else {
        return;
    };
    let callers = stack.callers().await;
    let callers = stack.lose_one_of_each_under_load(0, callers).await;
    let made = callers.into_iter().flat_map(|caller| caller.documents);
    let made: BTreeSet<String> = made.collect();
    let all_are_told = async {
        loop {
            let told = created(&stranger).await;
            if told.len() >= made.len() {
                return told;
            }
            sleep(PAUSE).await;
        }
    };
    let told = timeout(PATIENCE, all_are_told).await;
    let told = told.expect("as many events");
    assert_eq!(told, made);
    stack.stop().await;
}

/// The documents that others were told of.
async fn created(stranger: &Stranger) -> BTreeSet<String> {
    let events = stranger.events().await;
    let of_documents = events
        .iter()
        .filter(|event| event["type"] == "document.created");
    let ids = of_documents.filter_map(|event| event["subject"].as_str());
    ids.map(str::to_owned).collect()
}

async fn send(stranger: &Stranger, id: usize) {
    let message = json!({
        "specversion": "1.0",
        "id": id.to_string(),
        "source": "/partner",
        "type": "document.submitted",
        "data": { "tenant": TENANT, "title": "handed in", "body": "text" },
    });
    stranger.send(&message.to_string()).await;
}

/// All of them, one after the other.
async fn send_all(stranger: &Stranger) {
    for id in 0..MESSAGES {
        send(stranger, id).await;
    }
}

#[tokio::test]
async fn messages_are_taken_once_though_they_come_twice_and_who_takes_them_is_killed() {
    let mut stack = Stack::start(&SHORT).await;
    let Some(stranger) = Stranger::of(stack.folder.path()).await else {
        return;
    };
    let client = stack.fronts[1].client(TENANT).await;
    send_all(&stranger).await;
    tokio::join!(stack.lose_one_of_each(0), send_all(&stranger));
    // What was in the hands of who was killed comes again when the broker has waited long enough.
    let all_are_taken = async {
        while client.count().await < MESSAGES || stranger.waiting().await > 0 {
            sleep(PAUSE).await;
        }
    };
    let taken = timeout(PATIENCE, all_are_taken).await;
    taken.expect("all messages");
    // Their jobs are nobody's.
    let nobody = Caller::new("", client.clone(), stack.addresses.clone());
    stack.has_done_all_jobs_once(&nobody).await;
    let jobs = "SELECT COUNT(*) FROM jobs WHERE tenant = $1 AND kind = 'hook'";
    let all = i64::try_from(MESSAGES).expect("a number");
    assert_eq!(stack.count(jobs, &nobody).await, all);
    assert_eq!(client.count().await, MESSAGES);
    stack.stop().await;
}
