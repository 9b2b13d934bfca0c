//! The simulator's side of Anthropic's interface.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const PATH: &str = "/messages";

/// No provider says this.
pub(super) const GARBAGE: &str = "event: content_block_delta\ndata: {\"del\n\n";

#[derive(Deserialize)]
pub(super) struct Question {
    model: String,
    #[serde(default)]
    system: String,
    messages: Vec<Message>,
    max_tokens: usize,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

impl Question {
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// All that the model is told.
    pub(super) fn prompt(&self) -> String {
        format!("{}\n{}", self.system, self.given())
    }

    /// The same without instructions, which are nothing to answer from.
    pub(super) fn given(&self) -> String {
        let texts: Vec<&str> = self.messages.iter().map(|m| m.content.as_str()).collect();
        texts.join("\n")
    }

    pub(super) fn max_tokens(&self) -> usize {
        self.max_tokens
    }
}

pub(super) fn begin(model: &str, input_tokens: u64) -> String {
    let message = json!({
        "type": "message_start",
        "message": {
            "id": "msg_simulated",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": null,
            "usage": { "input_tokens": input_tokens, "output_tokens": 1 },
        },
    });
    let block = json!({
        "type": "content_block_start",
        "index": 0,
        "content_block": { "type": "text", "text": "" },
    });
    event(&message) + &event(&block) + &event(&json!({ "type": "ping" }))
}

pub(super) fn token(_model: &str, text: &str) -> String {
    event(&json!({
        "type": "content_block_delta",
        "index": 0,
        "delta": { "type": "text_delta", "text": text },
    }))
}

pub(super) fn end(_model: &str, _input_tokens: u64, output_tokens: u64) -> String {
    let block = json!({ "type": "content_block_stop", "index": 0 });
    let delta = json!({
        "type": "message_delta",
        "delta": { "stop_reason": "end_turn", "stop_sequence": null },
        "usage": { "output_tokens": output_tokens },
    });
    event(&block) + &event(&delta) + &event(&json!({ "type": "message_stop" }))
}

pub(super) fn refusal(status: StatusCode) -> Value {
    json!({ "type": "error", "error": { "type": "simulated", "message": status.to_string() } })
}

fn event(data: &Value) -> String {
    let name = data["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n")
}
