//! What a caller has used up stays used up when an instance that counted it is killed.

use reqwest::{Method, StatusCode};
use tokio::task::JoinSet;

use super::{DOCUMENTS, Stack};
use crate::support::{Client, client::problem};

/// One request comes back a minute, so none while the test runs.
const TWENTY: [(&str, &str); 2] = [
    ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1"),
    ("APP__RATE_LIMIT__BURST", "20"),
];

/// None where whoever was asked was killed before it could answer.
async fn ask(client: Client) -> Option<StatusCode> {
    let asked = client.request(Method::GET, DOCUMENTS).send().await;
    Some(asked.ok()?.status())
}

#[tokio::test]
async fn a_kill_gives_nobody_a_new_limit() {
    let mut stack = Stack::start(&TWENTY).await;
    let client = stack.fronts[0].client("a").await;
    let instances = stack
        .fronts
        .each_ref()
        .map(|front| client.at(front.address));
    let mut asking = JoinSet::new();
    for client in instances.into_iter().cycle().take(16) {
        asking.spawn(ask(client));
    }
    let first = asking.join_next().await.expect("an answer");
    let mut answers = vec![first.expect("no panic")];
    stack.lose_one_of_each(0).await;
    answers.extend(asking.join_all().await);

    // The one that is new knows of it as well as the one that is left.
    let instances = stack
        .fronts
        .each_ref()
        .map(|front| client.at(front.address));
    for client in instances.iter().cycle().take(22) {
        answers.push(ask(client.clone()).await);
    }
    let admitted = answers
        .iter()
        .flatten()
        .filter(|status| **status == 200)
        .count();
    let lost = answers.iter().filter(|answer| answer.is_none()).count();
    assert!(admitted <= 20 && admitted + lost >= 20, "{answers:?}");
    for client in &instances {
        problem(client.get(DOCUMENTS).await, 429).await;
    }
    stack.stop().await;
}
