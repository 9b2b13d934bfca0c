//! What is kept, for whom and for how long.

use std::time::Duration;

use service::{
    app::{
        answers::cache::{self, Asked, Found, Kept},
        context::Context,
        embedding::Embedding,
    },
    edge::deadline::Deadline,
    maintenance,
};
use tokio::task::block_in_place;
use uuid::Uuid;

use crate::support::Server;

const DOCUMENTS: &[(Uuid, i64)] = &[(Uuid::from_u128(1), 1)];

fn context(server: &Server, tenant: &str) -> Context {
    let deadline = Deadline::after(Duration::from_secs(20));
    Context::of_job(&server.app, tenant, Uuid::now_v7(), deadline)
}

fn asked(question: &str) -> Asked<'_> {
    Asked {
        question,
        documents: DOCUMENTS,
        ..Asked::default()
    }
}

fn answer(text: &str) -> Kept {
    Kept {
        model: "large".to_owned(),
        text: text.to_owned(),
        finish_reason: Some("stop".to_owned()),
    }
}

fn embedding(asked: &Asked<'_>) -> Embedding {
    Embedding::of("/v1/answers", asked.question)
}

async fn ask(server: &Server, tenant: &str, asked: &Asked<'_>) -> Option<String> {
    match block_in_place(|| cache::find(&mut context(server, tenant), asked, embedding(asked))) {
        Found::Answer(kept, _) => Some(kept.text),
        Found::Nothing(_) => None,
    }
}

async fn keep(server: &Server, tenant: &str, asked: &Asked<'_>, text: &str) {
    let mut context = context(server, tenant);
    match block_in_place(|| cache::find(&mut context, asked, embedding(asked))) {
        Found::Nothing(place) => block_in_place(|| cache::keep(&context, place, answer(text))),
        Found::Answer(kept, _) => panic!("{kept:?} is there"),
    }
}

/// Asking again may well do better.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_says_nothing_is_not_kept() {
    let server = Server::start().await;
    let asked = asked("Why?");
    keep(&server, "a", &asked, "").await;
    assert_eq!(ask(&server, "a", &asked).await, None);
}

async fn change(server: &Server, statement: &'static str) {
    let mut context = context(server, "a");
    let mut connection = block_in_place(|| context.write()).expect("a connection");
    let changed = connection.execute(sqlx::query(statement)).await;
    assert!(changed.expect("a change") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_given_again_to_its_tenant_alone() {
    let server = Server::start().await;
    let asked = asked("Why?");
    assert_eq!(ask(&server, "a", &asked).await, None);
    keep(&server, "a", &asked, "Because.").await;
    assert_eq!(ask(&server, "a", &asked).await.as_deref(), Some("Because."));
    assert_eq!(ask(&server, "b", &asked).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_changes_ends_the_answers_that_it_is_in() {
    let server = Server::start().await;
    let asked = asked("Why?");
    keep(&server, "a", &asked, "Because.").await;
    for documents in [
        &[(Uuid::from_u128(1), 2)][..],
        &[(Uuid::from_u128(2), 1)],
        &[],
    ] {
        let changed = Asked { documents, ..asked };
        assert_eq!(ask(&server, "a", &changed).await, None, "{documents:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_answer_is_not_given_and_is_removed() {
    let server = Server::start().await;
    let asked = asked("Why?");
    keep(&server, "a", &asked, "Because.").await;
    change(
        &server,
        "UPDATE answer_cache SET expires_at = expires_at - 86400000",
    )
    .await;
    assert_eq!(ask(&server, "a", &asked).await, None);
    let removed = block_in_place(|| maintenance::purge_kept_answers(&mut context(&server, "a")));
    assert_eq!(removed.expect("an answer"), 1);
    // A new one is good again.
    keep(&server, "a", &asked, "Because!").await;
    assert_eq!(ask(&server, "a", &asked).await.as_deref(), Some("Because!"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_answers_the_newest_stay() {
    let server = Server::with(&[("APP__ANSWER_CACHE__ENTRIES_PER_TENANT", "3")]).await;
    let questions = ["One?", "Two?", "Three?", "Four?", "Five?"];
    keep(&server, "other", &asked("One?"), "One.").await;
    for question in questions {
        keep(&server, "a", &asked(question), question).await;
    }
    let mut there = Vec::new();
    for question in questions {
        there.extend(ask(&server, "a", &asked(question)).await);
    }
    assert_eq!(there, ["Three?", "Four?", "Five?"]);
    let other = ask(&server, "other", &asked("One?")).await;
    assert_eq!(other.as_deref(), Some("One."));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_not_kept() {
    let server = Server::start().await;
    let asked = asked("Why?");
    keep(&server, "a", &asked, &"because ".repeat(10_000)).await;
    assert_eq!(ask(&server, "a", &asked).await, None);
}

/// Two who ask at once both find nothing, and both keep what they were answered.
#[tokio::test(flavor = "multi_thread")]
async fn the_later_of_two_answers_stays() {
    let server = Server::start().await;
    let asked = asked("Why?");
    let mut context = context(&server, "a");
    let mut places = Vec::new();
    for _ in 0..2 {
        match block_in_place(|| cache::find(&mut context, &asked, embedding(&asked))) {
            Found::Nothing(place) => places.push(place),
            Found::Answer(kept, _) => panic!("{kept:?} is there"),
        }
    }
    for (place, text) in places.into_iter().zip(["Because.", "So."]) {
        block_in_place(|| cache::keep(&context, place, answer(text)));
    }
    assert_eq!(ask(&server, "a", &asked).await.as_deref(), Some("So."));
}
