//! Anthropic's interface of messages.

use reqwest::RequestBuilder;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{Error, Prompt, Usage, reader::Reply, sse::Event, wire};
use crate::config;

pub(super) const PATH: &str = "/messages";

/// As telemetry names it.
pub(super) const PROVIDER: &str = "anthropic";

/// Why an answer ended that is not all of one.
pub(super) const CUT_SHORT: [&str; 4] = [
    "max_tokens",
    "model_context_window_exceeded",
    "pause_turn",
    "refusal",
];

/// The version of the interface that is spoken here.
const VERSION: &str = "2023-06-01";

#[derive(Deserialize)]
struct Start {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    usage: Tokens,
}

#[derive(Deserialize)]
struct Tokens {
    input_tokens: u64,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    output_tokens: u64,
}

#[derive(Deserialize)]
struct BlockDelta {
    delta: Piece,
}

/// Text has one; what else a block may be made of does not.
#[derive(Deserialize)]
struct Piece {
    text: Option<String>,
}

#[derive(Deserialize)]
struct MessageDelta {
    delta: End,
    usage: OutputTokens,
}

#[derive(Deserialize)]
struct End {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct OutputTokens {
    output_tokens: u64,
}

/// Asks `prompt` of `model`.
pub(super) fn question(
    request: RequestBuilder,
    config: &config::Llm,
    model: &str,
    prompt: &Prompt,
) -> RequestBuilder {
    let request = request.header("anthropic-version", VERSION).json(&json!({
        "model": model,
        "system": prompt.system,
        "messages": [{ "role": "user", "content": prompt.user }],
        "max_tokens": prompt.max_tokens,
        "stream": true,
    }));
    match &config.api_key {
        Some(key) => request.header("x-api-key", key.expose()),
        None => request,
    }
}

/// Reads one event; gives its text, if it has any.
pub(super) fn read(event: &Event, reply: &mut Reply) -> Result<Option<String>, Error> {
    match event.name.as_str() {
        "message_start" => {
            let start: Start = parse(&event.data)?;
            reply.usage = Some(start.message.usage.into());
        }
        "content_block_delta" => {
            let delta: BlockDelta = parse(&event.data)?;
            return Ok(delta.delta.text.filter(|text| !text.is_empty()));
        }
        "message_delta" => {
            let end: MessageDelta = parse(&event.data)?;
            reply.finish_reason = end.delta.stop_reason;
            if let Some(usage) = &mut reply.usage {
                usage.output_tokens = end.usage.output_tokens;
            }
        }
        "message_stop" => reply.is_over = true,
        "error" => {
            let kind = wire::word(&parse(&event.data)?).unwrap_or_default();
            return Err(Error::Broken(format!("the provider gave up: {kind}")));
        }
        // Pings, the frames of blocks, and what is added to the interface later.
        _ => {}
    }
    Ok(None)
}

fn parse<T: DeserializeOwned>(data: &str) -> Result<T, Error> {
    wire::parse(data, "an event is not what its name says")
}

/// The provider counts what it read from its cache, and what it wrote there, apart from the rest of the input.
impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        let read = tokens.cache_read_input_tokens.unwrap_or(0);
        let written = tokens.cache_creation_input_tokens.unwrap_or(0);
        Self {
            input_tokens: tokens.input_tokens + read + written,
            output_tokens: tokens.output_tokens,
            cached_input_tokens: read,
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
            ("error", r#"{ "error": "sk-123" }"#),
            ("error", r#"{ "error": { "type": "sk-123" } }"#),
            ("message_start", r#"{ "message": "sk-123" }"#),
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
    fn an_answer_that_was_cut_short_is_not_whole() {
        for (reason, is_whole) in [
            (None, true),
            (Some("end_turn"), true),
            (Some("max_tokens"), false),
        ] {
            assert_eq!(super::super::is_whole(reason), is_whole, "{reason:?}");
        }
    }
}
