//! OpenAI's interface of chat completions, which most services and servers of models speak too.

use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error, Prompt, Usage, reader::Reply, sse::Event, wire};
use crate::config::{self, provider::Provider};

pub(super) const PATH: &str = "/chat/completions";

/// As telemetry names it.
pub(super) const PROVIDER: &str = "openai";

/// Why an answer ended that is not all of one.
pub(super) const CUT_SHORT: [&str; 2] = ["length", "content_filter"];

/// What comes after the last chunk.
const LAST: &str = "[DONE]";

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Tokens>,
    /// What went wrong after the answer had begun.
    error: Option<Value>,
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

/// Asks `prompt` of `model`.
pub(super) fn question(
    request: RequestBuilder,
    config: &config::Llm,
    model: &str,
    prompt: &Prompt,
) -> RequestBuilder {
    let request = request.json(&body(&config.provider, model, prompt));
    match &config.api_key {
        Some(key) => request.bearer_auth(key.expose()),
        None => request,
    }
}

fn body(provider: &Provider, model: &str, prompt: &Prompt) -> Value {
    let mut body = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": prompt.system },
            { "role": "user", "content": prompt.user },
        ],
        "max_completion_tokens": prompt.max_tokens,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if let Some(effort) = &provider.reasoning_effort {
        body["reasoning_effort"] = json!(effort);
    }
    body
}

/// Reads one event; gives its text, if it has any.
pub(super) fn read(event: &Event, reply: &mut Reply) -> Result<Option<String>, Error> {
    if event.data == LAST {
        reply.is_over = true;
        return Ok(None);
    }
    let chunk: Chunk = wire::parse(&event.data, "a chunk is no JSON of a chunk")?;
    if let Some(error) = chunk.error {
        let kind = wire::word(&json!({ "error": error })).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// It may be of the prompt, or be a key.
    #[test]
    fn what_is_said_in_an_error_is_not_passed_on() {
        for (name, data) in [
            ("", r#"{ "error": "sk-123" }"#),
            ("", r#"{ "error": { "type": "sk-123" } }"#),
            ("", r#"{ "choices": "sk-123" }"#),
        ] {
            let event = Event {
                name: name.to_owned(),
                data: data.to_owned(),
            };
            let error = read(&event, &mut Reply::default()).expect_err("an error");
            assert!(!error.to_string().contains("123"), "{error}");
        }
    }

    #[test]
    fn a_model_is_told_how_much_to_think_unless_it_cannot_be() {
        let prompt = Prompt {
            system: String::new(),
            user: "Why?".to_owned(),
            max_tokens: 9,
        };
        for effort in [Some("none"), None] {
            let provider = Provider {
                reasoning_effort: effort.map(str::to_owned),
            };
            let body = body(&provider, "m", &prompt);
            assert_eq!(
                body.get("reasoning_effort"),
                effort.map(Value::from).as_ref()
            );
        }
    }

    #[test]
    fn an_answer_that_was_cut_short_is_not_whole() {
        for (reason, is_whole) in [(None, true), (Some("stop"), true), (Some("length"), false)] {
            assert_eq!(super::super::is_whole(reason), is_whole, "{reason:?}");
        }
    }
}
