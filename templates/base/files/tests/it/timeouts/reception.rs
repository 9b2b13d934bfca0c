//! Clients that are slow on purpose: a header or a body that never ends.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{interval, timeout},
};

use super::PATIENCE;
use crate::support::{Server, credential};

const HEADER_TIMEOUT: Duration = Duration::from_millis(300);
const BODY_TIMEOUT: Duration = Duration::from_millis(300);
const BETWEEN_BYTES: Duration = Duration::from_millis(20);

/// How a header begins that never ends, and the byte of which more and more come.
const ENDLESS: [(&[u8], Option<u8>); 6] = [
    (b"", None),
    (b"P", None),
    (b"GET / HTTP/1.1\r\nhost: x\r\n", None),
    (b"GET / HTTP/1.1\r\nhost: x\r\nx-endless: ", Some(b'a')),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    // A header that ends, and then another.
    (
        b"GET /v1/documents HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nx-endless: ",
        Some(b'a'),
    ),
];

/// The value of `Authorization` of somebody who may write.
pub(super) fn credential(server: &Server) -> String {
    credential::issue(&server.app.config, "a", "a", "documents:write")
}

/// A connection of which we say every byte.
pub(super) struct Connection {
    begun: Instant,
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr, start: &[u8]) -> Self {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(start).await.expect("an open connection");
        Self {
            begun,
            stream,
            answer: Vec::new(),
        }
    }

    /// The other side may have closed.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
    }

    pub(super) async fn read_until(&mut self, text: &str) {
        let reading = async {
            while !self.text().contains(text) {
                let count = self.stream.read_buf(&mut self.answer).await;
                assert!(count.is_ok_and(|count| count > 0), "ended: {}", self.text());
            }
        };
        timeout(PATIENCE, reading).await.expect("an answer in time");
    }

    /// Sends `byte` again and again until the other side closes; gives its answer, and asserts that it
    /// waited `at_least` this long for us.
    async fn until_closed(mut self, byte: Option<u8>, at_least: Duration) -> String {
        let exchange = async {
            let mut next = interval(BETWEEN_BYTES);
            let (mut read, mut write) = self.stream.split();
            loop {
                tokio::select! {
                    count = read.read_buf(&mut self.answer) => if !count.is_ok_and(|count| count > 0) {
                        return;
                    },
                    _ = next.tick() => if let Some(byte) = byte {
                        write.write_all(&[byte]).await.ok();
                    },
                }
            }
        };
        timeout(PATIENCE, exchange).await.expect("closed in time");
        assert!(
            self.begun.elapsed() >= at_least,
            "{:?}",
            self.begun.elapsed()
        );
        self.text()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.answer).into_owned()
    }
}

#[tokio::test]
async fn a_header_that_never_ends_ends_its_connection_only() {
    let server = Server::with(&[("APP__SERVER__HEADER_TIMEOUT", "300ms")]).await;
    let mut endless = JoinSet::new();
    for (start, byte) in ENDLESS {
        for _ in 0..5 {
            let connection = Connection::open(server.address, start).await;
            endless.spawn(connection.until_closed(byte, HEADER_TIMEOUT));
        }
    }
    // They are open, and others do not notice.
    server.client("a").create("meanwhile").await;
    endless.join_all().await;
}

#[tokio::test]
async fn an_endless_header_gives_its_place_back() {
    let variables = [
        ("APP__SERVER__HEADER_TIMEOUT", "300ms"),
        ("APP__SERVER__MAX_CONNECTIONS", "5"),
    ];
    let server = Server::with(&variables).await;
    let mut endless = JoinSet::new();
    for _ in 0..5 {
        let connection = Connection::open(server.address, b"P").await;
        endless.spawn(connection.until_closed(None, HEADER_TIMEOUT));
    }
    // There is no place for this one until theirs are free.
    server.client("a").create("afterwards").await;
    endless.join_all().await;
}

#[tokio::test]
async fn a_body_that_trickles_is_answered_408() {
    let server = Server::with(&[("APP__SERVER__BODY_TIMEOUT", "300ms")]).await;
    let credential = credential(&server);
    let head = format!(
        "POST /v1/documents HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         authorization: {credential}\r\ncontent-length: 100000\r\n\r\n"
    );
    let mut trickling = JoinSet::new();
    for byte in [None, Some(b' ')] {
        let connection = Connection::open(server.address, head.as_bytes()).await;
        trickling.spawn(connection.until_closed(byte, BODY_TIMEOUT));
    }
    server.client("a").create("meanwhile").await;
    for answer in trickling.join_all().await {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(answer.contains("urn:problem:request-timeout"), "{answer}");
    }
}
