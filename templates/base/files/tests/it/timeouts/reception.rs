//! Clients that are slow on purpose: a header or a body that never ends, an answer that is never read.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use service::app::state::App;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{interval, sleep, timeout},
};

use super::{PATIENCE, authorization};
use crate::support::{Connection, Server};

const BOUND: Duration = Duration::from_millis(300);
const BETWEEN_BYTES: Duration = Duration::from_millis(20);

/// How a header begins that never ends, and the byte of which more and more come.
const ENDLESS_HEADERS: [(&str, Option<u8>); 6] = [
    ("", None),
    ("P", None),
    ("GET / HTTP/1.1\r\nhost: test\r\n", None),
    ("GET / HTTP/1.1\r\nhost: test\r\nx-endless: ", Some(b'a')),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    // One that ends, and then another.
    (
        "GET / HTTP/1.1\r\nhost: test\r\n\r\nGET / HTTP/1.1\r\nx-endless: ",
        Some(b'a'),
    ),
];

/// A connection on which something began that never ends.
struct Endless {
    begun: Instant,
    stream: TcpStream,
    byte: Option<u8>,
}

impl Endless {
    async fn begin(address: SocketAddr, start: &str, byte: Option<u8>) -> Self {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let sent = stream.write_all(start.as_bytes()).await;
        sent.expect("an open connection");
        Self {
            begun,
            stream,
            byte,
        }
    }

    /// Goes on until the other side closes, which must not be before the bound; gives what it answered.
    async fn until_closed(mut self) -> String {
        let mut answer = Vec::new();
        let exchange = async {
            let mut next = interval(BETWEEN_BYTES);
            let (mut read, mut write) = self.stream.split();
            loop {
                tokio::select! {
                    received = read.read_buf(&mut answer) => {
                        if received.is_ok_and(|count| count > 0) { continue } else { return }
                    }
                    _ = next.tick() => if let Some(byte) = self.byte {
                        // Closed meanwhile, perhaps: then there is nothing to read either.
                        write.write_all(&[byte]).await.ok();
                    }
                }
            }
        };
        timeout(PATIENCE, exchange).await.expect("closed in time");
        assert!(self.begun.elapsed() >= BOUND, "closed too early");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

#[tokio::test]
async fn a_header_that_never_ends_ends_its_connection_only() {
    let server = Server::with(&[("APP__SERVER__HEADER_TIMEOUT", "300ms")]).await;
    let mut endless = JoinSet::new();
    for (start, byte) in ENDLESS_HEADERS {
        for _ in 0..5 {
            let connection = Endless::begin(server.address, start, byte).await;
            endless.spawn(connection.until_closed());
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
        let connection = Endless::begin(server.address, "P", None).await;
        endless.spawn(connection.until_closed());
    }
    // There is no place for this one until theirs are free.
    let begun = Instant::now();
    server.client("a").create("afterwards").await;
    assert!(begun.elapsed() < PATIENCE);
    endless.join_all().await;
}

#[tokio::test]
async fn a_body_that_trickles_is_answered_408() {
    let server = Server::with(&[("APP__SERVER__BODY_TIMEOUT", "300ms")]).await;
    let head = format!(
        "POST /v1/documents HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
         authorization: {}\r\ncontent-length: 100000\r\n\r\n",
        authorization(&server)
    );
    let mut trickling = JoinSet::new();
    for byte in [None, Some(b' ')] {
        let connection = Endless::begin(server.address, &head, byte).await;
        trickling.spawn(connection.until_closed());
    }
    server.client("a").create("meanwhile").await;
    for answer in trickling.join_all().await {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(answer.contains("urn:problem:request-timeout"), "{answer}");
    }
}

/// An answer that fills every buffer on its way, and one that comes when a client's patience has an end.
fn slow_routes() -> Router<App> {
    let large = async || "x".repeat(64 << 20);
    let late = async || {
        sleep(BOUND * 3).await;
        "late"
    };
    Router::new()
        .route("/large", get(large))
        .route("/late", get(late))
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_given_up() {
    let variables = [("APP__SERVER__WRITE_TIMEOUT", "300ms")];
    let server = Server::with_routes(&variables, slow_routes()).await;
    let mut slow = Connection::open_narrow(server.address).await;
    slow.get("/large", "").await;
    slow.begins_to_answer().await;
    // Its connection is all that the stop would wait for.
    let stopped = timeout(PATIENCE, server.stop()).await;
    assert!(stopped.expect("an end"), "it was cut, not given up");
}

/// Speaks HTTP/2, and opens its windows no further than this.
fn narrow_client() -> reqwest::Client {
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .http2_initial_stream_window_size(1_024);
    client.build().expect("a client")
}

/// The beginning of a connection of HTTP/2, without wishes.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// `GET /late`, on its first stream: RFC 9113, section 6.2, and RFC 7541, appendix A.
const GET_LATE: &[u8] = b"\0\0\x09\x01\x05\0\0\0\x01\x82\x86\x04\x05/late";

#[tokio::test]
async fn a_connection_of_http2_on_which_nothing_is_asked_is_closed_whatever_it_was_asked_before() {
    let variables = [("APP__SERVER__HEADER_TIMEOUT", "300ms")];
    let server = Server::with_routes(&variables, slow_routes()).await;
    for asked in [&[], GET_LATE] {
        let start = [HTTP2, asked].concat();
        let mut connection = Endless::begin(server.address, "", None).await;
        connection
            .stream
            .write_all(&start)
            .await
            .expect("it is open");
        let answer = connection.until_closed().await;
        assert_eq!(answer.contains("late"), !asked.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_a_closed_window_holds_gives_its_place_back() {
    let variables = [
        ("APP__SERVER__WRITE_TIMEOUT", "300ms"),
        ("APP__SERVER__MAX_CONNECTIONS", "1"),
    ];
    let server = Server::with_routes(&variables, slow_routes()).await;
    let address = server.address;
    let large = narrow_client().get(format!("http://{address}/large"));
    let unread = large.send().await.expect("an answer");
    // There is no place for this one until that one's is free.
    let late = reqwest::get(format!("http://{address}/late"));
    let late = timeout(PATIENCE, late).await.expect("a place in time");
    assert_eq!(late.expect("an answer").status(), 200);
    assert!(unread.bytes().await.is_err(), "all of it was kept");
}

#[tokio::test]
async fn what_else_is_asked_on_a_connection_outlives_an_answer_that_is_not_read() {
    let variables = [("APP__SERVER__WRITE_TIMEOUT", "300ms")];
    let server = Server::with_routes(&variables, slow_routes()).await;
    let client = narrow_client();
    let url = |path| format!("http://{}{path}", server.address);
    let large = client.get(url("/large")).send().await;
    let unread = large.expect("an answer");
    let late = client.get(url("/late")).send().await.expect("an answer");
    assert_eq!(late.text().await.expect("all of it"), "late");
    assert!(
        timeout(PATIENCE, server.stop()).await.expect("an end"),
        "it was cut, not given up"
    );
    drop(unread);
}
