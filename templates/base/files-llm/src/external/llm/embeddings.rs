//! Texts as vectors. Every provider of them speaks the same interface, that of OpenAI.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::Instrument as _;

use super::{Error, Llm, Usage, call::Call, within};
use crate::{
    config,
    edge::deadline::Deadline,
    external::resilience::{Guard, hedge::Hedge},
};

const PATH: &str = "/embeddings";

/// As telemetry names it.
const SERVICE: &str = "embeddings";

/// Whose interface it is: whose service, nobody says.
pub(super) const PROVIDER: &str = "openai";

/// One request; the slowest of them is not waited for, see `Hedge`.
const LONGEST: Duration = Duration::from_secs(10);

/// How vectors are asked for. Where they come from may be somebody else than who answers, so it fails apart.
pub(super) struct Client {
    config: config::Embeddings,
    guard: Guard,
    hedge: Hedge,
}

impl Client {
    pub(super) fn new(embeddings: &config::Embeddings, llm: &config::Llm) -> Self {
        Self {
            config: embeddings.clone(),
            guard: Guard::new(SERVICE, llm.concurrency, llm.queue_timeout),
            hedge: Hedge::new(SERVICE),
        }
    }
}

/// One vector a text, in the order of the texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    pub vectors: Vec<Vec<f32>>,
    /// Vectors of different models cannot be compared.
    pub model: String,
    pub usage: Usage,
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    dimensions: u32,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Row>,
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Row {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Tokens {
    prompt_tokens: u64,
}

impl Llm {
    /// The vectors of `texts`, all of them or none. Nothing is changed by it and it is cheap, so what takes long is
    /// asked for a second time.
    pub async fn embed(&self, texts: &[String], deadline: Deadline) -> Result<Embeddings, Error> {
        let Client { guard, hedge, .. } = &self.embeddings;
        let ask = || hedge.call(|| self.vectors(texts, deadline));
        // Two requests take much room, and the question of an answer is long embedded when its last token comes.
        Box::pin(guard.call(deadline, ask)).await
    }

    async fn vectors(&self, texts: &[String], deadline: Deadline) -> Result<Embeddings, Error> {
        let deadline = deadline.within(LONGEST);
        let model = &self.embeddings.config.model;
        let mut call = Call::embeddings(model, texts, &self.config);
        let asking = self
            .ask_for_vectors(texts, deadline)
            .instrument(call.span());
        match within(deadline.remaining(), asking).await {
            Ok((vectors, usage)) => {
                call.succeed(usage, None);
                Ok(Embeddings {
                    vectors,
                    model: model.clone(),
                    usage: call.usage(),
                })
            }
            Err(error) => {
                call.fail(&error);
                Err(error)
            }
        }
    }

    async fn ask_for_vectors(
        &self,
        texts: &[String],
        deadline: Deadline,
    ) -> Result<(Vec<Vec<f32>>, Option<Usage>), Error> {
        let config = &self.embeddings.config;
        let request = self.wire.post(config.base_url.as_deref(), PATH)?;
        let mut request = request.json(&Question {
            model: &config.model,
            input: texts,
            encoding_format: "float",
            dimensions: config.dimensions,
        });
        if let Some(key) = &config.api_key {
            request = request.bearer_auth(key.expose());
        }
        let response = self.wire.open(request, deadline).await?;
        let answer: Answer = response.json().await?;
        let usage = answer.usage.map(|tokens| Usage {
            input_tokens: tokens.prompt_tokens,
            ..Usage::default()
        });
        let vectors = in_order(answer.data, texts.len(), config.dimensions)?;
        Ok((vectors, usage))
    }
}

/// Providers may answer in any order, and a vector of another size would spoil the index that it is put in.
fn in_order(mut rows: Vec<Row>, texts: usize, dimensions: u32) -> Result<Vec<Vec<f32>>, Error> {
    rows.sort_by_key(|row| row.index);
    let is_whole = rows.len() == texts
        && rows
            .iter()
            .enumerate()
            .all(|(at, row)| row.index == at && row.embedding.len() == dimensions as usize);
    if !is_whole {
        return Err(Error::Broken(format!(
            "expected {texts} vectors of {dimensions} numbers"
        )));
    }
    Ok(rows.into_iter().map(|row| row.embedding).collect())
}
