//! OpenAI's interface of chat completions, which most services and servers of models speak too.

use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::json;

use super::{Error, Prompt, Usage, reader::Reply, sse::Event};
use crate::config;

pub(super) const PATH: &str = "/chat/completions";

/// As telemetry names it.
pub(super) const PROVIDER: &str = "openai";

/// What comes after the last chunk.
const LAST: &str = "[DONE]";

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Tokens>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    prompt_tokens: u64,
    completion_tokens: u64,
    prompt_tokens_details: Option<PromptTokens>,
}

#[derive(Deserialize)]
struct PromptTokens {
    #[serde(default)]
    cached_tokens: u64,
}

/// What went wrong after the answer had begun. Its message may quote the prompt, so it is not read.
#[derive(Deserialize)]
struct Fault {
    #[serde(rename = "type", default)]
    kind: Option<String>,
}

/// Asks `prompt` of `model`.
pub(super) fn question(
    request: RequestBuilder,
    config: &config::Llm,
    model: &str,
    prompt: &Prompt,
) -> RequestBuilder {
    let request = request.json(&json!({
        "model": model,
        "messages": [
            { "role": "system", "content": prompt.system },
            { "role": "user", "content": prompt.user },
        ],
        "max_completion_tokens": prompt.max_tokens,
        "stream": true,
        "stream_options": { "include_usage": true },
    }));
    match &config.api_key {
        Some(key) => request.bearer_auth(key.expose()),
        None => request,
    }
}

/// Reads one event; gives its text, if it has any.
pub(super) fn read(event: &Event, reply: &mut Reply) -> Result<Option<String>, Error> {
    if event.data == LAST {
        reply.is_over = true;
        return Ok(None);
    }
    let chunk: Chunk = serde_json::from_str(&event.data)
        .map_err(|error| Error::Broken(format!("a chunk is no JSON of a chunk: {error}")))?;
    if let Some(fault) = chunk.error {
        let kind = fault.kind.unwrap_or_default();
        return Err(Error::Broken(format!("the provider gave up: {kind}")));
    }
    if let Some(tokens) = chunk.usage {
        reply.usage = Some(tokens.into());
    }
    let Some(choice) = chunk.choices.into_iter().next() else {
        return Ok(None);
    };
    if choice.finish_reason.is_some() {
        reply.finish_reason = choice.finish_reason;
    }
    Ok(choice.delta.content.filter(|text| !text.is_empty()))
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        let details = tokens.prompt_tokens_details;
        Self {
            input_tokens: tokens.prompt_tokens,
            output_tokens: tokens.completion_tokens,
            cached_input_tokens: details.map_or(0, |details| details.cached_tokens),
            is_estimated: false,
        }
    }
}
