//! What providers of models say, in the two dialects that services speak: OpenAI's chat completions and
//! Anthropic's messages.

use serde_json::{Value, json};

/// Tokens in and out of every call: numbers that nobody arrives at by chance.
pub const TOKENS: (u64, u64) = (10_013, 557);
const USUAL_DIMENSIONS: u64 = 1536;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Chat,
    Messages,
}

impl Dialect {
    /// None where no model is asked.
    pub fn of(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or(path);
        match path {
            _ if path.ends_with("/chat/completions") => Some(Self::Chat),
            _ if path.ends_with("/messages") => Some(Self::Messages),
            _ => None,
        }
    }

    /// What a stream begins with: no token yet.
    pub fn opening(self, model: &str) -> String {
        match self {
            Self::Chat => chunk(model, &json!({ "role": "assistant", "content": "" }), None),
            Self::Messages => {
                let message = json!({
                    "id": "msg_probe", "type": "message", "role": "assistant", "model": model,
                    "content": [], "stop_reason": null, "stop_sequence": null,
                    "usage": { "input_tokens": TOKENS.0, "output_tokens": 1 },
                });
                let block = json!({ "type": "text", "text": "" });
                event("message_start", &json!({ "message": message }))
                    + &event("content_block_start", &json!({ "index": 0, "content_block": block }))
            }
        }
    }

    pub fn token(self, model: &str, text: &str) -> String {
        match self {
            Self::Chat => chunk(model, &json!({ "content": text }), None),
            Self::Messages => {
                let delta = json!({ "type": "text_delta", "text": text });
                event("content_block_delta", &json!({ "index": 0, "delta": delta }))
            }
        }
    }

    /// Why it ended, and what it used.
    pub fn closing(self, model: &str) -> String {
        match self {
            Self::Chat => {
                let usage = json!({
                    "id": "chatcmpl-probe", "object": "chat.completion.chunk", "created": 0, "model": model,
                    "choices": [], "usage": chat_usage(),
                });
                chunk(model, &json!({}), Some("stop")) + &format!("data: {usage}\n\ndata: [DONE]\n\n")
            }
            Self::Messages => {
                let delta = json!({ "stop_reason": "end_turn", "stop_sequence": null });
                let usage = json!({ "output_tokens": TOKENS.1 });
                event("content_block_stop", &json!({ "index": 0 }))
                    + &event("message_delta", &json!({ "delta": delta, "usage": usage }))
                    + &event("message_stop", &json!({}))
            }
        }
    }

    pub fn whole(self, model: &str, text: &str) -> Value {
        match self {
            Self::Chat => json!({
                "id": "chatcmpl-probe", "object": "chat.completion", "created": 0, "model": model,
                "choices": [{
                    "index": 0, "finish_reason": "stop",
                    "message": { "role": "assistant", "content": text },
                }],
                "usage": chat_usage(),
            }),
            Self::Messages => json!({
                "id": "msg_probe", "type": "message", "role": "assistant", "model": model,
                "content": [{ "type": "text", "text": text }],
                "stop_reason": "end_turn", "stop_sequence": null,
                "usage": { "input_tokens": TOKENS.0, "output_tokens": TOKENS.1 },
            }),
        }
    }

    pub fn refusal(self, status: u16) -> Value {
        let error = json!({ "type": "probe_error", "message": format!("refused with {status}") });
        match self {
            Self::Chat => json!({ "error": error }),
            Self::Messages => json!({ "type": "error", "error": error }),
        }
    }
}

fn chat_usage() -> Value {
    let (input, output) = TOKENS;
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output })
}

fn chunk(model: &str, delta: &Value, finish_reason: Option<&str>) -> String {
    let chunk = json!({
        "id": "chatcmpl-probe", "object": "chat.completion.chunk", "created": 0, "model": model,
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }],
    });
    format!("data: {chunk}\n\n")
}

fn event(name: &str, members: &Value) -> String {
    let mut data = json!({ "type": name });
    let members = members.as_object().into_iter().flatten();
    members.for_each(|(name, value)| data[name] = value.clone());
    format!("event: {name}\ndata: {data}\n\n")
}

/// Equal texts get equal vectors, and others get others.
pub fn embeddings(asked: &Value) -> Value {
    let texts: Vec<&str> = match &asked["input"] {
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let dimensions = asked["dimensions"].as_u64().unwrap_or(USUAL_DIMENSIONS);
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            json!({ "object": "embedding", "index": index, "embedding": vector(text, dimensions) })
        })
        .collect();
    let usage = json!({ "prompt_tokens": TOKENS.0, "total_tokens": TOKENS.0 });
    json!({ "object": "list", "data": data, "model": asked["model"], "usage": usage })
}

/// Numbers that look random and depend on the text alone (FNV-1a, then an xorshift).
fn vector(text: &str, dimensions: u64) -> Vec<f64> {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let numbers: Vec<f64> = (0..dimensions)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            f64::from(u32::try_from(state >> 32).unwrap_or_default()) / f64::from(u32::MAX) - 0.5
        })
        .collect();
    let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    numbers.iter().map(|number| number / length).collect()
}
