//! What a call to the model reserves and settles, however it ends.

use reqwest::StatusCode;
use serde_json::{Value, json};
use service::{
    app::{
        auth::DEFAULT_SCOPES,
        context::Context,
        spend::{self, Spending},
    },
    external::llm::{Completion, Prompt, prices::NanoUsd},
    simulator::{Rule, Simulator},
};
use uuid::Uuid;

use super::*;
use crate::support::{Client, Server, eventually};

/// Dollars for a million tokens: the simulator's words are counted one by one.
const PRICES: &str = "large=1000/2000,text-embedding-3-small=0";

/// A caller of a service whose model is a simulator of the test's own.
struct Caller {
    simulator: Simulator,
    server: Server,
    client: Client,
}

impl Caller {
    async fn with_limit(limit: &str) -> Self {
        let simulator = Simulator::start().await.expect("a simulator");
        let server = Server::with(&[
            ("APP__LLM__BASE_URL", &simulator.base_url()),
            ("APP__LLM__MODEL", "large"),
            ("APP__LLM__PRICES", PRICES),
            ("APP__SPEND__LIMIT_PER_DAY", limit),
        ])
        .await;
        // Whom `Context::of_job` stands for.
        let client = server.client_with("job", "t", DEFAULT_SCOPES);
        Self {
            simulator,
            server,
            client,
        }
    }

    fn context(&self) -> Context {
        let deadline = Deadline::after(Duration::from_secs(20));
        Context::of_job(&self.server.app, "t", Uuid::now_v7(), deadline)
    }

    async fn reserve(&self) -> Spending {
        let reserved = spend::reserve(&mut self.context(), "/v1/answers", &prompt()).await;
        reserved.map_err(|problem| problem.title).expect("room")
    }

    async fn ask(&self, context: &mut Context) -> Completion {
        let answer = context.external().stream(&prompt()).await;
        answer.expect("a first token")
    }

    /// Asks a model that does not answer in this time, if at all.
    async fn fail_within(&self, time: Duration) {
        let deadline = Deadline::after(time);
        let mut context = self.context().until(deadline);
        let begun = context.external().stream(&prompt()).await;
        let reserved = self.reserve().await;
        assert!(reserved.begun(begun).await.is_err());
    }

    async fn told(&self) -> Value {
        let answer = self.client.get("/v1/spend").await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.expect("JSON")
    }

    /// Waits until nothing is reserved any more, and gives what was spent.
    async fn settled(&self) -> Value {
        eventually("the end of all reservations", async || {
            let told = self.told().await;
            (told["reserved"] == "0.000000000").then_some(told)
        })
        .await
    }
}

fn prompt() -> Prompt {
    Prompt {
        system: "Answer briefly.".to_owned(),
        user: "Why?".to_owned(),
        max_tokens: 50,
    }
}

/// At most: each byte and 64 more are tokens, and the answer is as long as it may be.
const MOST: &str = "0.183000000";

#[tokio::test]
async fn who_spent_nothing_is_told_so() {
    let caller = Caller::with_limit("0.50").await;
    let told = caller.told().await;
    assert_eq!(told["spent"], "0.000000000");
    assert_eq!(told["reserved"], "0.000000000");
    assert_eq!(told["limit"], "0.500000000");
    assert_eq!(told["models"], json!([]));
    let resets_at = told["resets_at"].as_str().expect("a time");
    assert!(resets_at.ends_with("T00:00:00Z"), "{resets_at}");
    assert_eq!(
        Caller::with_limit("").await.told().await["limit"],
        Value::Null
    );
}

#[tokio::test]
async fn a_whole_answer_costs_what_the_provider_says() {
    let caller = Caller::with_limit("0.50").await;
    let mut context = caller.context();
    let mut spending = caller.reserve().await;
    assert_eq!(caller.told().await["reserved"], MOST);
    let mut completion = caller.ask(&mut context).await;
    while let Ok(Some(_)) = completion.next(&context.external()).await {
        spending.used(&completion);
    }
    spending.used(&completion);
    let usage = completion.usage();
    assert!(!usage.is_estimated);
    let cost = spending.settle().await;
    let tokens = usage.input_tokens + 2 * usage.output_tokens;
    assert_eq!(cost, NanoUsd(tokens * 1_000_000));
    let told = caller.settled().await;
    assert_eq!(told["spent"], cost.to_string());
    assert_eq!(told["models"][0]["model"], "large");
    assert_eq!(told["models"][0]["calls"], 1);
    assert_eq!(told["models"][0]["input_tokens"], usage.input_tokens);
    assert_eq!(told["models"][0]["output_tokens"], usage.output_tokens);
}

/// The provider counts what it made for somebody who has left, and does not say how much that was.
#[tokio::test]
async fn who_leaves_pays_what_was_made_by_then() {
    let caller = Caller::with_limit("0.50").await;
    let rules = Rule::parse("never_end").expect("a rule");
    caller.simulator.play(vec![rules]);
    let mut spent = Vec::new();
    for pieces in [0, 1, 5] {
        let mut context = caller.context();
        let mut spending = caller.reserve().await;
        let mut completion = caller.ask(&mut context).await;
        for _ in 0..pieces {
            let piece = completion.next(&context.external()).await;
            assert!(piece.expect("a piece").is_some());
            spending.used(&completion);
        }
        drop((spending, completion));
        spent.push(
            caller.settled().await["spent"]
                .as_str()
                .expect("an amount")
                .to_owned(),
        );
    }
    assert_eq!(caller.told().await["models"][0]["calls"], 3);
    let rows = "UPDATE spend SET is_estimated = TRUE WHERE is_estimated AND is_settled";
    let mut context = caller.context();
    let mut connection = context.write().await.expect("a connection");
    let estimated = connection.execute(sqlx::query(rows)).await;
    assert_eq!(estimated.expect("an answer"), 3);
    assert!(
        spent.is_sorted() && spent[0].as_str() > "0.000000000",
        "{spent:?}"
    );
}

#[tokio::test]
async fn what_the_provider_refuses_costs_nothing() {
    let caller = Caller::with_limit("0.50").await;
    let refuses = Rule::parse("status=400").expect("a rule");
    caller.simulator.play(vec![refuses]);
    caller.fail_within(Duration::from_secs(20)).await;
    let told = caller.told().await;
    assert_eq!(told["reserved"], "0.000000000");
    assert_eq!(told["spent"], "0.000000000");
    assert_eq!(told["models"], json!([]));
}

/// It has read the question, and its bill says so.
#[tokio::test]
async fn who_does_not_wait_for_the_first_token_pays_the_question() {
    let caller = Caller::with_limit("0.50").await;
    let is_slow = Rule::parse("first_token=30s").expect("a rule");
    caller.simulator.play(vec![is_slow]);
    caller.fail_within(Duration::from_millis(200)).await;
    let told = caller.settled().await;
    assert_ne!(told["spent"], "0.000000000");
    assert_eq!(told["models"][0]["output_tokens"], 0);
}

#[tokio::test]
async fn beyond_the_limit_it_is_refused_until_tomorrow() {
    let caller = Caller::with_limit("0.20").await;
    let running = caller.reserve().await;
    let refused = spend::reserve(&mut caller.context(), "/v1/answers", &prompt()).await;
    let problem = refused.err().expect("no room for two");
    assert_eq!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(problem.kind, "urn:problem:spend-limit-reached");
    let wait = problem.wait().expect("a time to come back");
    assert!(wait <= Duration::from_secs(24 * 60 * 60), "{wait:?}");
    running.release().await;
    let next = caller.reserve().await;
    next.release().await;
}

#[tokio::test]
async fn with_a_limit_of_nothing_only_what_is_free_is_granted() {
    let caller = Caller::with_limit("0").await;
    let refused = spend::reserve(&mut caller.context(), "/v1/answers", &prompt()).await;
    assert!(refused.is_err());
    let free = Server::with(&[
        ("APP__LLM__MODEL", "free"),
        ("APP__LLM__PRICES", "free=0,text-embedding-3-small=0"),
        ("APP__SPEND__LIMIT_PER_DAY", "0"),
    ])
    .await;
    let deadline = Deadline::after(Duration::from_secs(20));
    let mut context = Context::of_job(&free.app, "t", Uuid::now_v7(), deadline);
    let granted = spend::reserve(&mut context, "/v1/answers", &prompt()).await;
    granted
        .map_err(|problem| problem.title)
        .expect("it is free")
        .release()
        .await;
}
