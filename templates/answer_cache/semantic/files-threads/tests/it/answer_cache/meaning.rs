//! Questions in other words.

use std::time::Duration;

use serde_json::Value;
use service::{
    app::{
        answers::cache::{self, Asked, Found, Kept},
        auth::DEFAULT_SCOPES,
        context::Context,
        embedding::Embedding,
    },
    data::{
        answer_cache::{self as rows, Asker, Key, Meaning, kept},
        cache_key::Scope,
    },
    edge::deadline::Deadline,
    simulator::{Rule, Simulator},
};
use tokio::task::block_in_place;
use uuid::Uuid;

use crate::support::{Server, eventually};

const DOCUMENTS: &[(Uuid, i64)] = &[(Uuid::from_u128(1), 1)];

const QUESTION: &str = "How can I return a parcel?";
const SAME_IN_OTHER_WORDS: &str = "Can a parcel be returned?";
const ANOTHER: &str = "Which pears are green?";

/// A service whose questions are embedded by a simulator of the test's own.
struct Cache {
    simulator: Simulator,
    server: Server,
}

impl Cache {
    /// The simulator's embeddings know words, not meanings: what shares most of its words is near enough.
    async fn start() -> Self {
        Self::with(&[("APP__ANSWER_CACHE__THRESHOLD", "0.6")]).await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let simulator = Simulator::start().await.expect("a simulator");
        let base_url = simulator.base_url();
        let mut all = vec![
            ("APP__LLM__BASE_URL", base_url.as_str()),
            ("APP__EMBEDDINGS__BASE_URL", base_url.as_str()),
        ];
        all.extend(variables);
        let server = Server::with(&all).await;
        Self { simulator, server }
    }

    fn context(&self, tenant: &str) -> Context {
        let deadline = Deadline::after(Duration::from_secs(20));
        Context::of_job(&self.server.app, tenant, Uuid::now_v7(), deadline)
    }

    /// The answer and to what it was given.
    async fn ask(&self, tenant: &str, asked: &Asked<'_>) -> Option<(String, &'static str)> {
        match block_in_place(|| cache::find(&mut self.context(tenant), asked, embedding(asked))) {
            Found::Answer(kept, to) => Some((kept.text, to)),
            Found::Nothing(_) => None,
        }
    }

    async fn keep(&self, tenant: &str, asked: &Asked<'_>, text: &str) {
        let mut context = self.context(tenant);
        let answer = Kept {
            model: "large".to_owned(),
            text: text.to_owned(),
            finish_reason: Some("stop".to_owned()),
        };
        match block_in_place(|| cache::find(&mut context, asked, embedding(asked))) {
            Found::Nothing(place) => block_in_place(|| cache::keep(&context, place, answer)),
            Found::Answer(kept, _) => panic!("{kept:?} is there"),
        }
    }

    fn embeddings(&self) -> u64 {
        self.simulator.stats().embeddings
    }

    /// How many calls whoever asks as this tenant has paid for, once nothing is reserved any more.
    async fn paid(&self, tenant: &str) -> u64 {
        // Whom `Context::of_job` stands for.
        let client = self.server.client_with("job", tenant, DEFAULT_SCOPES);
        let spend = eventually("the end of all reservations", async || {
            let spend: Value = client.get("/v1/spend").await.json().await.expect("JSON");
            (spend["reserved"] == "0.000000000").then_some(spend)
        })
        .await;
        let models = spend["models"].as_array().expect("models").iter();
        models.filter_map(|model| model["calls"].as_u64()).sum()
    }
}

fn asked(question: &str) -> Asked<'_> {
    Asked {
        question,
        documents: DOCUMENTS,
        ..Asked::default()
    }
}

fn embedding(asked: &Asked<'_>) -> Embedding {
    Embedding::of("/v1/answers", asked.question)
}

fn answered(text: &str, to: &'static str) -> Option<(String, &'static str)> {
    Some((text.to_owned(), to))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_in_other_words_has_the_same_answer() {
    let cache = Cache::start().await;
    cache.keep("a", &asked(QUESTION), "By post.").await;
    let same = cache.ask("a", &asked(QUESTION)).await;
    assert_eq!(same, answered("By post.", "exact"));
    let near = cache.ask("a", &asked(SAME_IN_OTHER_WORDS)).await;
    assert_eq!(near, answered("By post.", "semantic"));
    assert_eq!(cache.ask("a", &asked(ANOTHER)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_the_nearest_answers() {
    let cache = Cache::start().await;
    cache.keep("a", &asked(QUESTION), "By post.").await;
    cache.keep("a", &asked(ANOTHER), "Some.").await;
    let near = cache.ask("a", &asked("Which pears are still green?")).await;
    assert_eq!(near, answered("Some.", "semantic"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nearness_counts_only_where_nothing_else_differs() {
    let cache = Cache::start().await;
    cache.keep("a", &asked(QUESTION), "By post.").await;
    let near = asked(SAME_IN_OTHER_WORDS);
    assert_eq!(cache.ask("b", &near).await, None, "another tenant");
    let models = ["other".to_owned()];
    for different in [
        Asked {
            documents: &[(Uuid::from_u128(1), 2)],
            ..near
        },
        Asked {
            system: "Be rude.",
            ..near
        },
        Asked {
            models: &models,
            ..near
        },
        Asked {
            max_tokens: 1,
            ..near
        },
        Asked {
            tools: &models,
            ..near
        },
    ] {
        assert_eq!(cache.ask("a", &different).await, None, "{different:?}");
    }
}

/// Its answer may repeat what a colleague said of themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_colleagues_question_is_not_compared() {
    let cache = Cache::start().await;
    let mut context = cache.context("a");
    let key = Key::new(Scope::Tenant(context.caller()), &asked(QUESTION));
    let meaning = Meaning {
        vector: vec![1.0, 0.0],
        model: "m".to_owned(),
    };
    let asker = |subject| Asker {
        tenant: "a",
        subject,
    };
    let kept = Kept {
        model: "large".to_owned(),
        text: "By post.".to_owned(),
        finish_reason: Some("stop".to_owned()),
    };
    let mut connection = block_in_place(|| context.write()).expect("a connection");
    let day = Duration::from_secs(86_400);
    let one = asker("one");
    let done = rows::keep(&mut connection, one, &key, Some(&meaning), &kept, day).await;
    done.expect("a row");
    let own = rows::candidates(&mut connection, one, &key, 10).await;
    let own = own.expect("rows");
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].meaning, meaning);
    let theirs = rows::candidates(&mut connection, asker("other"), &key, 10).await;
    assert_eq!(theirs.expect("rows"), []);
    // Who asks in the same words tells nothing and learns nothing.
    let same = kept::find(&mut connection, "a", &key).await;
    assert_eq!(same.expect("an answer"), Some(kept));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_are_compared() {
    let cache = Cache::with(&[
        ("APP__ANSWER_CACHE__THRESHOLD", "0.6"),
        ("APP__ANSWER_CACHE__CANDIDATES", "1"),
    ])
    .await;
    cache.keep("a", &asked(QUESTION), "By post.").await;
    cache.keep("a", &asked(ANOTHER), "Some.").await;
    assert_eq!(cache.ask("a", &asked(SAME_IN_OTHER_WORDS)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_near_enough_is_asked() {
    let cache = Cache::with(&[("APP__ANSWER_CACHE__THRESHOLD", "0.99")]).await;
    cache.keep("a", &asked(QUESTION), "By post.").await;
    assert_eq!(cache.ask("a", &asked(SAME_IN_OTHER_WORDS)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedding_that_fails_is_only_a_miss() {
    let cache = Cache::start().await;
    cache.keep("a", &asked(QUESTION), "By post.").await;
    let fails = Rule::parse("kind=embeddings status=500").expect("a rule");
    cache.simulator.play(vec![fails]);
    assert_eq!(cache.ask("a", &asked(SAME_IN_OTHER_WORDS)).await, None);
    let same = cache.ask("a", &asked(QUESTION)).await;
    assert_eq!(same, answered("By post.", "exact"));
    // It is kept all the same, and found by its words.
    cache.keep("a", &asked(ANOTHER), "Some.").await;
    let same = cache.ask("a", &asked(ANOTHER)).await;
    assert_eq!(same, answered("Some.", "exact"));
}

/// An embedding costs, whoever asks: none is asked for where there is nothing to compare, and none twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_embedded_once_and_only_when_it_must_be() {
    let cache = Cache::start().await;
    assert_eq!(cache.ask("a", &asked(QUESTION)).await, None);
    assert_eq!(cache.embeddings(), 0, "nothing to compare with");
    cache.keep("a", &asked(QUESTION), "By post.").await;
    assert_eq!(cache.embeddings(), 1, "to be found");
    assert!(cache.ask("a", &asked(QUESTION)).await.is_some());
    assert_eq!(cache.embeddings(), 1, "the same words");
    cache.keep("a", &asked(ANOTHER), "Some.").await;
    assert_eq!(cache.embeddings(), 2, "once for both");
    assert_eq!((cache.paid("a").await, cache.paid("b").await), (2, 0));
}
