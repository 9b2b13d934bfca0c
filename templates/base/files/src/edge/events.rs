//! Answers that arrive event by event: `text/event-stream`, as the HTML standard defines it (section 9.2).
//!
//! The work that makes the events belongs to what takes them: it goes on as far as they are taken, and is stopped
//! at once when nobody takes them any more. Where they become an answer's body, it ends with its reader, and with the
//! patience for one that does not read.

mod response;
mod source;

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use serde::Serialize;

pub use self::source::{Events, Source};

/// What a reader that knows resumes from.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The id of the last event that the reader has seen; 0, before every event, where there is none that can be read.
pub fn last_seen(headers: &HeaderMap) -> i64 {
    let text = headers.get(LAST_EVENT_ID);
    let text = text.and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Events that wait for the reader; what makes more waits too.
const BUFFER: usize = 32;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    name: Cow<'static, str>,
    id: Option<i64>,
    data: String,
}

impl Event {
    pub fn json(name: &'static str, data: &impl Serialize) -> Self {
        // JSON has no line breaks of its own, so it is one line of data.
        let data = serde_json::to_string(data).unwrap_or_default();
        Self {
            name: name.into(),
            id: None,
            data,
        }
    }

    /// One that was written down, with its data as it was.
    pub fn again(name: String, data: String) -> Self {
        Self {
            name: name.into(),
            id: None,
            data,
        }
    }

    /// What the reader sends as `Last-Event-ID` to go on after this one.
    #[must_use]
    pub fn id(mut self, id: i64) -> Self {
        self.id = Some(id);
        self
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// JSON.
    pub fn data(&self) -> &str {
        &self.data
    }

    fn write(&self) -> Bytes {
        let id = self.id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        format!("{id}event: {}\ndata: {}\n\n", self.name, self.data).into()
    }
}
