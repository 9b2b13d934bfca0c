//! The simulator's side of OpenAI's interface.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const PATH: &str = "/chat/completions";

/// No provider says this.
pub(super) const GARBAGE: &str = "data: {\"choices\": [{\"del\n\n";

#[derive(Deserialize)]
pub(super) struct Question {
    model: String,
    messages: Vec<Message>,
    max_completion_tokens: Option<usize>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: String,
}

impl Question {
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// All that the model is told.
    pub(super) fn prompt(&self) -> String {
        joined(&self.messages, |_| true)
    }

    /// The same without instructions, which are nothing to answer from.
    pub(super) fn given(&self) -> String {
        joined(&self.messages, |message| message.role == "user")
    }

    pub(super) fn max_tokens(&self) -> usize {
        self.max_completion_tokens.unwrap_or(usize::MAX)
    }
}

fn joined(messages: &[Message], is_wanted: impl Fn(&Message) -> bool) -> String {
    let wanted = messages.iter().filter(|message| is_wanted(message));
    let texts: Vec<&str> = wanted.map(|message| message.content.as_str()).collect();
    texts.join("\n")
}

pub(super) fn begin(model: &str, _input_tokens: u64) -> String {
    let delta = json!({ "role": "assistant", "content": "" });
    event(&chunk(model, &delta, None))
}

pub(super) fn token(model: &str, text: &str) -> String {
    event(&chunk(model, &json!({ "content": text }), None))
}

pub(super) fn end(model: &str, input_tokens: u64, output_tokens: u64) -> String {
    let last = chunk(model, &json!({}), Some("stop"));
    let mut usage = chunk(model, &json!({}), None);
    usage["choices"] = json!([]);
    usage["usage"] = json!({
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": { "cached_tokens": 0 },
    });
    format!("{}{}data: [DONE]\n\n", event(&last), event(&usage))
}

pub(super) fn refusal(status: StatusCode) -> Value {
    json!({ "error": { "message": status.to_string(), "type": "simulated", "code": status.as_u16() } })
}

fn chunk(model: &str, delta: &Value, finish_reason: Option<&str>) -> Value {
    json!({
        "id": "chatcmpl-simulated",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }],
        "usage": null,
    })
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}
