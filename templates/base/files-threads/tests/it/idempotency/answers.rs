//! Which answers are kept, for how long, and what happens to the key of one that is not.

use std::time::Duration;

use service::{app::context::Context, edge::deadline::Deadline, maintenance};
use tokio::task::block_in_place;
use uuid::Uuid;

use super::{
    END_LEASES, END_RETENTION, Failing, PATH, change, in_use, is_replayed, made, replayed,
};
use crate::support::{Server, client::problem, document};

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_would_be_the_same_again_is_kept() {
    for status in ["400", "404", "410", "412", "422", "428"] {
        let failing = Failing::start().await;
        let first = failing.post(status, "k").await;
        assert_eq!(first.status().as_str(), status);
        assert!(!is_replayed(&first));
        let kind = first.headers()["content-type"].clone();
        let first = first.bytes().await.expect("a body");

        let again = failing.post(status, "k").await;
        assert_eq!(again.status().as_str(), status);
        assert_eq!(again.headers()["content-type"], kind);
        assert_eq!(replayed(again).await, first, "{status}");
        assert_eq!(failing.runs(), 1);
        assert_eq!(failing.client.count().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_another_try_may_mend_frees_the_key() {
    for status in [
        "401", "403", "408", "409", "425", "429", "500", "502", "503", "504",
    ] {
        let failing = Failing::start().await;
        let first = failing.post(status, "k").await;
        assert_eq!(first.status().as_str(), status);
        made(failing.post(status, "k").await).await;
        assert_eq!(failing.client.count().await, 1, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_leaves_the_key_to_its_lease() {
    let failing = Failing::start().await;
    problem(failing.post("panic", "k").await, 500).await;
    in_use(failing.post("panic", "k").await).await;
    assert_eq!(failing.client.count().await, 0);

    assert_eq!(change(&failing.server, END_LEASES).await, 1);
    made(failing.post("panic", "k").await).await;
    assert_eq!(failing.client.count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_in_the_middle_leaves_the_key_to_its_lease() {
    let failing = Failing::start().await;
    let request = failing
        .client
        .request(reqwest::Method::POST, "/fail/never-end");
    let request = request
        .header("idempotency-key", "k")
        .header("x-request-timeout-ms", 1_000)
        .json(&serde_json::json!({}));
    problem(request.send().await.expect("an answer"), 504).await;
    in_use(failing.post("never-end", "k").await).await;
    assert_eq!(failing.runs(), 1);
    assert_eq!(failing.client.count().await, 0);

    assert_eq!(change(&failing.server, END_LEASES).await, 1);
    made(failing.post("never-end", "k").await).await;
    assert_eq!(failing.client.count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_forgotten_when_its_time_is_over() {
    let server = Server::start().await;
    let client = server.client("a");
    let first = made(client.post_with_key(PATH, "k", &document("one")).await).await;
    assert_eq!(change(&server, END_RETENTION).await, 1);
    let second = made(client.post_with_key(PATH, "k", &document("two")).await).await;
    assert_ne!(first, second);
    let again = client.post_with_key(PATH, "k", &document("two")).await;
    assert_eq!(replayed(again).await, second);
    assert_eq!(client.count().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_whose_time_is_over_are_removed_and_no_others() {
    let server = Server::start().await;
    let client = server.client("a");
    made(client.post_with_key(PATH, "old", &document("one")).await).await;
    assert_eq!(change(&server, END_RETENTION).await, 1);
    let kept = made(client.post_with_key(PATH, "new", &document("one")).await).await;

    let purge = async || {
        let deadline = Deadline::after(Duration::from_secs(20));
        let mut context = Context::of_job(&server.app, "", Uuid::now_v7(), deadline);
        block_in_place(|| maintenance::purge_idempotency_keys(&mut context))
    };
    assert_eq!(purge().await.expect("a pass"), 1);
    assert_eq!(purge().await.expect("a pass"), 0);
    let again = client.post_with_key(PATH, "new", &document("one")).await;
    assert_eq!(replayed(again).await, kept);
    made(client.post_with_key(PATH, "old", &document("one")).await).await;
}
