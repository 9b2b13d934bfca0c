//! Server-sent events, read one by one as they arrive.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Finding,
    client::{Connection, PATIENCE, Request, Response, find, next_chunk},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: Option<String>,
    pub name: String,
    pub data: String,
}

impl Event {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }

    /// The text that a `token` brings.
    pub fn text(&self) -> Option<String> {
        (self.name == "token").then(|| self.json()["text"].as_str().unwrap_or_default().to_owned())
    }
}

/// All tokens' text.
pub fn text(events: &[Event]) -> String {
    events.iter().filter_map(Event::text).collect()
}

/// What a request for events was answered with.
pub enum Answer {
    Stream(Stream),
    /// Something else, whole.
    Other(Response),
}

impl Answer {
    pub fn to(request: &Request, address: SocketAddr) -> Finding<Self> {
        let open = || {
            let mut connection = Connection::open(address, PATIENCE)?;
            connection.write(&request.head(address))?;
            connection.write(&request.body)?;
            let (mut head, came) = connection.response_head()?;
            let kind = head.header("content-type").unwrap_or_default();
            if kind.starts_with("text/event-stream") {
                return Ok(Self::Stream(Stream::new(request.name(), connection, head, came)));
            }
            head.body = connection.rest_of_body(&head, came)?;
            std::io::Result::Ok(Self::Other(head))
        };
        open().map_err(|error| format!("{}: {error}", request.name()))
    }

    pub fn stream(self, what: &str) -> Finding<Stream> {
        match self {
            Self::Stream(stream) if stream.head.status == 200 => Ok(stream),
            Self::Stream(stream) => {
                Err(format!("{what}: events with status {}, expected 200", stream.head.status))
            }
            Self::Other(answer) => {
                Err(format!("{what}: saw {}, expected text/event-stream", answer.summary()))
            }
        }
    }

    /// The answer, where there are to be no events.
    pub fn other(self, what: &str) -> Finding<Response> {
        match self {
            Self::Other(answer) => Ok(answer),
            Self::Stream(stream) => {
                Err(format!("{what}: saw a stream with status {}, expected none", stream.head.status))
            }
        }
    }
}

pub struct Stream {
    pub head: Response,
    name: String,
    connection: Connection,
    is_chunked: bool,
    /// What came, in chunks; and what of it is unpacked and not yet read.
    raw: Vec<u8>,
    plain: Vec<u8>,
    has_ended: bool,
}

impl Stream {
    fn new(name: String, connection: Connection, head: Response, came: Vec<u8>) -> Self {
        let is_chunked = head.header("transfer-encoding") == Some("chunked");
        Self { head, name, connection, is_chunked, raw: came, plain: Vec::new(), has_ended: false }
    }

    /// The next event; none once the stream has ended as it should.
    pub fn next(&mut self, patience: Duration) -> Finding<Option<Event>> {
        let deadline = Instant::now() + patience;
        loop {
            self.unpack();
            if let Some(event) = self.take() {
                return Ok(Some(event));
            }
            if self.has_ended {
                return Ok(None);
            }
            match self.connection.read_more(&mut self.raw, deadline) {
                Ok(true) => {}
                // Without chunks, the end of the connection is the end of the body.
                Ok(false) if !self.is_chunked => self.has_ended = true,
                Ok(false) => return Err(format!("{}: the stream was cut off", self.name)),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    return Err(format!("{}: no event within {} ms", self.name, patience.as_millis()));
                }
                Err(error) => return Err(format!("{}: the stream broke: {error}", self.name)),
            }
        }
    }

    /// All events until the end, each within `patience`.
    pub fn rest(&mut self, patience: Duration) -> Finding<Vec<Event>> {
        let mut events = Vec::new();
        while let Some(event) = self.next(patience)? {
            events.push(event);
        }
        Ok(events)
    }

    /// Events up to and with the first of this name.
    pub fn until(&mut self, name: &str, patience: Duration) -> Finding<Vec<Event>> {
        let mut events = Vec::new();
        while let Some(event) = self.next(patience)? {
            let is_last = event.name == name;
            events.push(event);
            if is_last {
                return Ok(events);
            }
        }
        let seen: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
        Err(format!("{}: the stream ended without `{name}`; it had {seen:?}", self.name))
    }

    pub fn abandon(self) {
        self.connection.abandon();
    }

    fn unpack(&mut self) {
        if !self.is_chunked {
            self.plain.append(&mut self.raw);
            return;
        }
        let mut left = self.raw.as_slice();
        while let Some((chunk, rest)) = next_chunk(left) {
            self.has_ended |= chunk.is_empty();
            self.plain.extend_from_slice(chunk);
            left = rest;
            if self.has_ended {
                break;
            }
        }
        self.raw = left.to_vec();
    }

    /// The first event that is whole; comments and settings on the way are none.
    fn take(&mut self) -> Option<Event> {
        while let Some(end) = find(&self.plain, b"\n\n") {
            let block: Vec<u8> = self.plain.drain(..end + 2).collect();
            if let Some(event) = parse(&String::from_utf8_lossy(&block)) {
                return Some(event);
            }
        }
        None
    }
}

/// None if the block carries no data: such a one is not dispatched.
fn parse(block: &str) -> Option<Event> {
    let (mut id, mut name, mut data) = (None, "message".to_owned(), Vec::new());
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => id = Some(value.to_owned()),
            "event" => value.clone_into(&mut name),
            "data" => data.push(value),
            _ => {}
        }
    }
    (!data.is_empty()).then(|| Event { id, name, data: data.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_a_name_an_id_and_lines_of_data() {
        let event = parse("id: a:1\nevent: token\ndata: {\"text\":\ndata: \" b\"}\n\n").expect("an event");
        assert_eq!((event.id.as_deref(), event.name.as_str()), (Some("a:1"), "token"));
        assert_eq!(event.text().as_deref(), Some(" b"));
    }

    #[test]
    fn comments_and_settings_are_no_events() {
        assert_eq!(parse(": still here\n\n"), None);
        assert_eq!(parse("retry: 3000\n\n"), None);
    }
}
