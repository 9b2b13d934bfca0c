//! One question, one answer: the whole way in one function, wherever the answer goes.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Question, prompt};
use crate::{
    app::{
        context::Context,
        retrieval::{self, Passage},
        spend,
    },
    edge::{
        events::{Event, Events},
        problem::Problem,
    },
    external::llm::{self, Completion, Prompt},
};

/// What it is paid for.
const ROUTE: &str = "/v1/answers";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Answer {
    /// Which model answered.
    pub model: String,
    pub text: String,
    /// As the provider calls it, such as `stop` or `length`.
    pub finish_reason: Option<String>,
    pub usage: Usage,
    /// The documents that the model was given to draw on, what matters most first.
    pub citations: Vec<Citation>,
}

/// A document, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Citation {
    pub document: Uuid,
    pub version: i64,
    pub title: String,
}

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnswerUsage)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Of the input tokens, those that the provider had in its cache.
    pub cached_input_tokens: u64,
    /// The provider did not say.
    pub is_estimated: bool,
}

impl From<llm::Usage> for Usage {
    fn from(usage: llm::Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            is_estimated: usage.is_estimated,
        }
    }
}

/// The first event, once the first token is there.
#[derive(Serialize)]
struct Meta<'a> {
    model: &'a str,
    citations: &'a [Citation],
}

/// A piece of the text.
#[derive(Serialize)]
struct Token<'a> {
    text: &'a str,
}

/// Asks the model, tells what comes event by event, and gives all of it. Before the first event nothing was told.
pub async fn make(
    context: &mut Context,
    question: &Question,
    events: &Events,
) -> Result<Answer, Problem> {
    let passages = retrieval::passages(context, &question.text, &question.documents).await?;
    let prompt = prompt::of(question, &passages, context.config().answers.max_tokens);
    let citations = citations(passages);
    let mut spending = spend::reserve(context, ROUTE, &prompt).await?;
    let mut completion = match begin(context, &prompt).await {
        Ok(completion) => completion,
        Err(problem) => {
            spending.release().await;
            return Err(problem);
        }
    };
    let model = completion.model().to_owned();
    let meta = Meta {
        model: &model,
        citations: &citations,
    };
    events.send(Event::json("meta", &meta)).await;
    let mut text = String::new();
    while let Some(piece) = completion.next(&context.external()).await? {
        spending.used(&completion);
        events
            .send(Event::json("token", &Token { text: &piece }))
            .await;
        text.push_str(&piece);
    }
    spending.used(&completion);
    spending.settle().await;
    Ok(Answer {
        model,
        text,
        finish_reason: completion.finish_reason().map(str::to_owned),
        usage: completion.usage().into(),
        citations,
    })
}

/// Each document once, however many of its passages there are.
fn citations(passages: Vec<Passage>) -> Vec<Citation> {
    let mut citations: Vec<Citation> = Vec::new();
    for passage in passages {
        let is_new = citations
            .iter()
            .all(|citation| citation.document != passage.document);
        if is_new {
            citations.push(Citation {
                document: passage.document,
                version: passage.version,
                title: passage.title,
            });
        }
    }
    citations
}

/// To the first token.
async fn begin(context: &mut Context, prompt: &Prompt) -> Result<Completion, Problem> {
    let deadline = context.deadline();
    let begun = context.external().llm().stream(prompt, deadline).await;
    begun.map_err(Problem::from)
}
