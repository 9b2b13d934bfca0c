//! Other services are told of all that was accepted, whoever was killed on the way.

use std::collections::BTreeSet;

use super::{SHORT, Stack};
use crate::support::{eventually, queue::Stranger};

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
    let told = eventually("as many events", async || {
        let events = stranger.events().await;
        let of_documents = events.iter().filter(|event| event["type"] == "document.created");
        let ids = of_documents.filter_map(|event| event["subject"].as_str());
        let told: BTreeSet<String> = ids.map(str::to_owned).collect();
        (told.len() >= made.len()).then_some(told)
    })
    .await;
    assert_eq!(told, made);
    stack.stop().await;
}
