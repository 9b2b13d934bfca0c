//! A stand-in for the provider of a language model, for development and tests: it speaks the provider's interface,
//! answers the same question in the same way every time, and misbehaves on demand. No release build contains it;
//! a build with the profile `simulator` does, for benchmarks.

#![expect(
    clippy::disallowed_methods,
    reason = "it stands for somebody else's process, which no drain of ours waits for"
)]

mod answer;
mod command;
mod dialect;
mod embedding;
mod playback;
mod script;
mod stats;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::sleep};

pub use self::{
    command::Command,
    script::{Act, Kind, Rule},
    stats::Stats,
};
use self::{playback::Playback, script::Script, stats::Counter};
use crate::config::{Config, Stage};

/// As long as a pause that one sees, and no longer.
fn for_eyes() -> Act {
    Act {
        first_token: Duration::from_millis(150),
        gap: Duration::from_millis(20),
        ..Act::AT_ONCE
    }
}

/// A simulator that runs in this process; clones share it.
#[derive(Clone)]
pub struct Simulator {
    address: SocketAddr,
    shared: Shared,
}

#[derive(Clone)]
struct Shared {
    script: Arc<Script>,
    counter: Arc<Counter>,
}

impl Simulator {
    /// On a free port, answering as fast as it can.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Act::AT_ONCE).await
    }

    /// The same, where `usual` is what it does unless a rule or a question says otherwise.
    pub async fn start_with(usual: Act) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let shared = Shared {
            script: Arc::new(Script::new(usual, Vec::new())),
            counter: Arc::default(),
        };
        let simulator = Self {
            address: listener.local_addr()?,
            shared: shared.clone(),
        };
        tokio::spawn(serve(listener, shared));
        Ok(simulator)
    }

    /// What the service is given as the provider's address.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// From now on these rules hold, the first that fits first.
    pub fn play(&self, rules: Vec<Rule>) {
        self.shared.script.replace(rules);
    }

    pub fn stats(&self) -> Stats {
        self.shared.counter.read()
    }
}

/// In development, gives what has no provider a simulator in this process, and in those of its jobs.
pub async fn stand_in(mut config: Config) -> anyhow::Result<Config> {
    let is_whole = config.llm.base_url.is_some() && config.embeddings.base_url.is_some();
    if config.stage != Stage::Development || is_whole {
        return Ok(config);
    }
    let base_url = Simulator::start_with(for_eyes()).await?.base_url();
    let settings = [
        ("APP__LLM__BASE_URL", &mut config.llm.base_url),
        ("APP__EMBEDDINGS__BASE_URL", &mut config.embeddings.base_url),
    ];
    for (name, setting) in settings {
        let url = setting.get_or_insert_with(|| base_url.clone());
        let variables = &mut config.jobs.program.variables;
        variables.push((name.to_owned(), url.clone()));
    }
    Ok(config)
}

async fn serve(listener: TcpListener, shared: Shared) -> std::io::Result<()> {
    let routes = Router::new()
        .route(&format!("/v1{}", dialect::PATH), post(chat))
        .route("/v1/embeddings", post(embeddings))
        .route("/simulator/stats", get(stats))
        .with_state(shared);
    axum::serve(listener, routes).await
}

async fn stats(State(shared): State<Shared>) -> Json<Stats> {
    Json(shared.counter.read())
}

async fn chat(State(shared): State<Shared>, body: Bytes) -> Response {
    let visit = shared.counter.visit(Kind::Chat);
    let Some(question) = read::<dialect::Question>(&body) else {
        visit.end();
        return refusal(StatusCode::BAD_REQUEST, None);
    };
    let prompt = question.prompt();
    let act = shared.script.act(Kind::Chat, question.model(), &prompt);
    sleep(act.slow_headers).await;
    if let Some(status) = act.status() {
        visit.end();
        return refusal(status, act.retry_after.as_deref());
    }
    let text = answer::to(&question.given(), question.max_tokens());
    let playback = Playback {
        model: question.model().to_owned(),
        input_tokens: answer::count(&prompt),
        tokens: answer::tokens(&text),
        act,
    };
    let headers = [(header::CONTENT_TYPE, "text/event-stream")];
    (headers, playback.start(visit)).into_response()
}

#[derive(Deserialize)]
struct Texts {
    model: String,
    input: Vec<String>,
    dimensions: Option<u16>,
}

async fn embeddings(State(shared): State<Shared>, body: Bytes) -> Response {
    let visit = shared.counter.visit(Kind::Embeddings);
    let Some(texts) = read::<Texts>(&body) else {
        visit.end();
        return refusal(StatusCode::BAD_REQUEST, None);
    };
    let prompt = texts.input.join("\n");
    // What stands in a question is about its answer.
    let act = shared.script.act(Kind::Embeddings, &texts.model, "");
    sleep(act.slow_headers + act.first_token).await;
    visit.end();
    if let Some(status) = act.status() {
        return refusal(status, act.retry_after.as_deref());
    }
    let dimensions = texts.dimensions.unwrap_or(embedding::DIMENSIONS);
    let row = |(index, text): (usize, &String)| {
        let vector = embedding::of(text, dimensions.into());
        json!({ "object": "embedding", "index": index, "embedding": vector })
    };
    let data: Vec<Value> = texts.input.iter().enumerate().map(row).collect();
    let tokens = answer::count(&prompt);
    Json(json!({
        "object": "list",
        "data": data,
        "model": texts.model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    }))
    .into_response()
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

fn refusal(status: StatusCode, retry_after: Option<&str>) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(value) = retry_after.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(header::RETRY_AFTER, value);
    }
    (status, headers, Json(dialect::refusal(status))).into_response()
}
