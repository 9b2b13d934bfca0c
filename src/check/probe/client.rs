//! A small HTTP/1.1 client over plain sockets: the probe has to send what no well-behaved client would, and
//! to see the bytes that come back. One connection a request.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::Finding;

/// How long an ordinary request may take on a busy machine before the probe calls it hanging.
pub const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_uppercase(), path: path.to_owned(), ..Self::default() }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// With this header, in place of one of the same name.
    #[must_use]
    pub fn header(self, name: &str, value: impl Into<String>) -> Self {
        let mut request = self.without(name);
        request.headers.push((name.to_owned(), value.into()));
        request
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// `POST /v1/documents`, for sentences.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn send(&self, to: SocketAddr) -> Finding<Response> {
        self.send_within(to, PATIENCE)
    }

    pub fn send_within(&self, to: SocketAddr, patience: Duration) -> Finding<Response> {
        self.try_send(to, patience).map_err(|error| format!("{}: {error}", self.name()))
    }

    fn try_send(&self, to: SocketAddr, patience: Duration) -> io::Result<Response> {
        let mut connection = Connection::open(to, patience)?;
        connection.write(&self.head(to))?;
        // A server may answer (413, say) and close before it has read everything.
        let sent = connection.write(&self.body);
        connection.response().or_else(|error| sent.and(Err(error)))
    }

    /// The head with the length of the body that it announces.
    pub fn head(&self, to: SocketAddr) -> Vec<u8> {
        let mut head =
            format!("{} {} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || self.method == "POST" {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What was seen, short enough for a sentence.
    pub fn summary(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut short: String = body.chars().take(160).collect();
        if short.len() < body.len() {
            short.push('…');
        }
        match short.is_empty() {
            true => self.status.to_string(),
            false => format!("{} {short}", self.status),
        }
    }
}

/// One connection, written and read by hand, with a deadline for everything on it.
pub struct Connection {
    stream: TcpStream,
    deadline: Instant,
}

impl Connection {
    pub fn open(to: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, patience)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self { stream, deadline: Instant::now() + patience })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Whether the other side has closed or answered by now: then there is something to read, or an end.
    pub fn has_news(&mut self, wait: Duration) -> bool {
        let peeked = self.stream.set_read_timeout(Some(wait)).and_then(|()| self.stream.peek(&mut [0]));
        match peeked {
            Ok(_) => true,
            Err(error) => !is_timeout(&error),
        }
    }

    /// Reads until the other side closes.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            match self.read_more(&mut bytes, self.deadline) {
                Ok(true) => {}
                Ok(false) => return Ok(bytes),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(error),
                // A reset after a complete answer: the server did not want the rest of our body.
                Err(error) if bytes.is_empty() => return Err(error),
                Err(_) => return Ok(bytes),
            }
        }
    }

    /// Waits for bytes and adds them; false at the end.
    pub fn read_more(&mut self, bytes: &mut Vec<u8>, deadline: Instant) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no complete answer in time"));
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut buffer) {
                Ok(count) => {
                    bytes.extend_from_slice(&buffer[..count]);
                    return Ok(count > 0);
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn response(&mut self) -> io::Result<Response> {
        let bytes = self.read_to_end()?;
        parse(&bytes).ok_or_else(|| incomplete(&bytes))
    }

    /// The answer without its body, as soon as it is there, and what has come of the body so far.
    pub fn response_head(&mut self) -> io::Result<(Response, Vec<u8>)> {
        let mut bytes = Vec::new();
        loop {
            if let Some((head, rest)) = parse_head(&bytes) {
                return Ok((head, rest.to_vec()));
            }
            if !self.read_more(&mut bytes, self.deadline)? {
                return Err(incomplete(&bytes));
            }
        }
    }

    /// The body to its end, of which a part `came` with the head.
    pub fn rest_of_body(&mut self, head: &Response, mut came: Vec<u8>) -> io::Result<Vec<u8>> {
        came.extend(self.read_to_end()?);
        body(head, &came).ok_or_else(|| incomplete(&came))
    }

    pub fn abandon(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn incomplete(bytes: &[u8]) -> io::Error {
    match bytes.is_empty() {
        true => io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed without an answer"),
        false => io::Error::new(io::ErrorKind::InvalidData, "the answer is no complete HTTP/1.1"),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn parse(bytes: &[u8]) -> Option<Response> {
    let (mut response, rest) = parse_head(bytes)?;
    response.body = body(&response, rest)?;
    Some(response)
}

fn body(head: &Response, bytes: &[u8]) -> Option<Vec<u8>> {
    match (head.header("transfer-encoding"), head.header("content-length")) {
        (Some("chunked"), _) => unchunk(bytes),
        (_, Some(length)) => Some(bytes.get(..length.parse().ok()?)?.to_vec()),
        _ => Some(bytes.to_vec()),
    }
}

/// The answer without its body, and what follows.
fn parse_head(bytes: &[u8]) -> Option<(Response, &[u8])> {
    let end = find(bytes, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let rest = &bytes[end + 4..];
    if (100..200).contains(&status) {
        return parse_head(rest);
    }
    let header =
        |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    let response = Response { status, headers: lines.filter_map(header).collect(), body: Vec::new() };
    Some((response, rest))
}

fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        match next_chunk(bytes)? {
            ([], _) => return Some(body),
            (chunk, rest) => {
                body.extend_from_slice(chunk);
                bytes = rest;
            }
        }
    }
}

/// The first chunk, if it is all there, and what follows; the last one is empty.
pub fn next_chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = find(bytes, b"\r\n")?;
    let size = std::str::from_utf8(&bytes[..end]).ok()?.split(';').next()?.trim();
    let size = usize::from_str_radix(size, 16).ok()?;
    let rest = &bytes[end + 2..];
    match size {
        0 => Some((&[], rest)),
        _ => Some((rest.get(..size)?, rest.get(size + 2..)?)),
    }
}

pub fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_takes_the_place_of_its_namesake() {
        let request = Request::get("/").header("a", "1").header("b", "2").header("A", "3");
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(headers, [("b", "2"), ("A", "3")]);
    }

    #[test]
    fn a_body_of_known_length_is_cut_there() {
        let response = parse(b"HTTP/1.1 201 Created\r\nLocation: /d/1\r\ncontent-length: 2\r\n\r\nok")
            .expect("a response");
        assert_eq!(
            (response.status, response.header("location"), response.body.as_slice()),
            (201, Some("/d/1"), &b"ok"[..])
        );
    }

    #[test]
    fn a_chunked_body_is_put_together() {
        let response = parse(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
        );
        assert_eq!(response.expect("a response").body, b"abcde");
    }

    #[test]
    fn an_answer_that_was_cut_off_is_none() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok"), None);
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"), None);
        assert_eq!(parse(b"HTTP/1.1 200"), None);
    }

    #[test]
    fn an_interim_answer_is_skipped() {
        let response =
            parse(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").expect("a response");
        assert_eq!(response.status, 204);
    }
}
