//! One TCP connection, for what a well-behaved client would not send.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer as it came, its header names in lower case.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(header, _)| header == name);
        header.map(|(_, value)| value.as_str())
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// With a small receive buffer: what is not read soon waits at the server.
    pub(crate) async fn open_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a buffer");
        let stream = socket.connect(address).await.expect("a connection");
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// Waits until the first bytes of an answer are there, and takes none.
    pub(crate) async fn begins_to_answer(&mut self) {
        let readable = timeout(PATIENCE, self.stream.readable()).await;
        readable.expect("an answer in time").expect("a connection");
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.try_send(text.as_bytes()).await.expect("it is read");
    }

    /// Fails where the other side has closed.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let sent = timeout(PATIENCE, self.stream.write_all(bytes)).await;
        sent.expect("it is taken in time")
    }

    /// Sends a request without a body.
    pub(crate) async fn get(&mut self, path: &str, headers: &str) {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n"
        ))
        .await;
    }

    /// The next answer, which has a body of stated length or none.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break self.take(end + 4);
            }
            self.receive().await;
        };
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        });
        let mut answer = Answer {
            status: status.and_then(|text| text.parse().ok()).expect("a status"),
            headers: headers.collect(),
            body: String::new(),
        };
        let length = answer.header("content-length").unwrap_or("0");
        let length = length.parse().expect("a length");
        while self.received.len() < length {
            self.receive().await;
        }
        answer.body = self.take(length);
        answer
    }

    /// Whether nothing has come within `time`.
    pub(crate) async fn is_silent_for(&mut self, time: Duration) -> bool {
        self.received.is_empty() && timeout(time, self.stream.readable()).await.is_err()
    }

    async fn receive(&mut self) {
        let received = timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await;
        let count = received.expect("an answer in time").expect("a connection");
        assert!(count > 0, "the connection was closed");
    }

    fn take(&mut self, count: usize) -> String {
        let taken = self.received.drain(..count).collect();
        String::from_utf8(taken).expect("text")
    }
}

fn find(bytes: &[u8], words: &[u8]) -> Option<usize> {
    bytes
        .windows(words.len())
        .position(|window| window == words)
}
