//! The events of an answer beside those that tell its text.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Answer;
use crate::edge::events::Event;

#[derive(Serialize, Deserialize)]
struct Token {
    text: String,
}

impl Answer {
    /// The last events, in their order.
    pub fn end(&self) -> Vec<Event> {
        let done = json!({ "finish_reason": self.finish_reason });
        vec![
            Event::json("usage", &self.usage),
            Event::json("done", &done),
        ]
    }
}

/// Whether a stream of events ends with one of this name.
pub fn is_end(name: &str) -> bool {
    matches!(name, "done" | "error")
}

/// The same events with pieces of text that come one after the other in one.
pub fn merged(events: Vec<Event>) -> Vec<Event> {
    let mut merged = Vec::new();
    let mut text = String::new();
    for event in events {
        match token(&event) {
            Some(token) => text.push_str(&token.text),
            None => {
                merged.extend(taken(&mut text));
                merged.push(event);
            }
        }
    }
    merged.extend(taken(&mut text));
    merged
}

fn token(event: &Event) -> Option<Token> {
    let is_token = event.name() == "token";
    is_token.then(|| serde_json::from_str(event.data()).ok())?
}

fn taken(text: &mut String) -> Option<Event> {
    let text = std::mem::take(text);
    (!text.is_empty()).then(|| Event::json("token", &Token { text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Event {
        Event::json("token", &json!({ "text": text }))
    }

    #[test]
    fn pieces_are_merged_and_the_order_is_kept() {
        let meta = Event::json("meta", &json!({}));
        let events = vec![
            meta.clone(),
            told("a"),
            told("\"b\n"),
            meta.clone(),
            told("c"),
        ];
        let expected = [meta.clone(), told("a\"b\n"), meta, told("c")];
        assert_eq!(merged(events), expected);
        assert!(merged(Vec::new()).is_empty());
    }
}
