//! The end: told to stop, the process says that it is not ready, serves on while that is learnt, stops
//! accepting, and ends what it has begun.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    routing::{get, post},
};
use reqwest::Method;
use service::{
    app::{context::Context, state::App},
    edge::endpoint::on_a_thread,
};
use temp_dir::TempDir;
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

use crate::support::{Client, Connection, Process, Server, document, eventually};

/// The shortest that the other limits allow.
const SHORT_GRACE: [(&str, &str); 3] = [
    ("APP__SERVER__SHUTDOWN_GRACE", "1s"),
    ("APP__SERVER__REQUEST_TIMEOUT", "1s"),
    ("APP__DATABASE__ACQUIRE_TIMEOUT", "500ms"),
];

/// Less than anything that it could wait for.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A busy machine may take longer, but hardly each time.
const TRIES: usize = 5;

/// A client that asks again and again until nothing listens any more.
struct Load {
    answered: Arc<AtomicU32>,
    ended: JoinHandle<()>,
}

impl Load {
    /// `connection` is what it sends in the header of this name.
    fn start(process: &Process, client: &Client, path: &str, connection: &'static str) -> Self {
        let (client, path, address) = (client.clone(), path.to_owned(), process.address);
        let answered = Arc::new(AtomicU32::new(0));
        let count = answered.clone();
        let ended = tokio::spawn(async move {
            loop {
                let request = client.request(Method::GET, &path);
                let failure = match request.header("connection", connection).send().await {
                    Ok(answer) => {
                        assert_eq!(answer.status(), 200);
                        answer.bytes().await.err()
                    }
                    Err(error) => Some(error),
                };
                if let Some(error) = failure {
                    let again = TcpStream::connect(address).await;
                    assert!(again.is_err(), "failed while it still listened: {error:?}");
                    return;
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { answered, ended }
    }

    /// Waits until `count` more requests were answered.
    async fn goes_on(&self, count: u32) {
        let enough = self.answered.load(Ordering::Relaxed) + count;
        eventually("more answers", async || {
            (self.answered.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
    }
}

/// Begins a request and leaves its body out. Once the server asks for the body, its handler runs.
async fn begin_create(address: std::net::SocketAddr, client: &Client, body: &str) -> Connection {
    let mut connection = Connection::open(address).await;
    let head = format!(
        "POST /v1/documents HTTP/1.1\r\nhost: test\r\nauthorization: {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        client.authorization(),
        body.len()
    );
    connection.send(&head).await;
    assert_eq!(connection.answer().await.status, 100);
    connection
}

async fn not_ready(process: &Process) {
    let admin = Client::new(process.admin);
    eventually("/ready to fail", async || {
        (admin.get("/ready").await.status() == 503).then_some(())
    })
    .await;
    assert_eq!(admin.get("/live").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_fails_no_request() {
    const DELAY: Duration = Duration::from_secs(2);
    let folder = TempDir::new().expect("a folder");
    let process = Process::start(folder.path(), &[("APP__SERVER__DRAIN_DELAY", "2s")]).await;
    let client = process.client("a").await;
    let path = client.create("read all the time").await;
    let load = ["keep-alive", "keep-alive", "keep-alive", "close"]
        .map(|connection| Load::start(&process, &client, &path, connection));
    for client in &load {
        client.goes_on(3).await;
    }
    let body = document("begun before, ended after").to_string();
    let mut slow = begin_create(process.address, &client, &body).await;

    let told = Instant::now();
    process.signal("TERM");
    not_ready(&process).await;
    for client in &load {
        client.goes_on(3).await;
    }
    for client in load {
        client.ended.await.expect("no request failed");
    }
    assert!(told.elapsed() >= DELAY, "it stopped accepting too early");

    // Nothing is accepted any more, and what was begun still runs.
    not_ready(&process).await;
    slow.send(&body).await;
    assert_eq!(slow.answer().await.status, 201);
    assert_eq!(process.wait().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let folder = TempDir::new().expect("a folder");
        let variables = [("APP__SERVER__DRAIN_DELAY", "1h")];
        let process = Process::start(folder.path(), &variables).await;
        process.signal("TERM");
        not_ready(&process).await;
        process.signal(signal);
        assert_eq!(process.wait().await.code(), Some(code));
    }
}

/// A request has its limit, but an answer takes as long as its reader.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_read_is_cut_at_the_end_of_the_grace() {
    let large = async || "x".repeat(64 << 20);
    let routes: Router<App> = Router::new().route("/large", get(large));
    let server = Server::with_routes(&SHORT_GRACE, routes).await;
    let mut slow = Connection::open_narrow(server.address).await;
    slow.get("/large", "").await;
    slow.begins_to_answer().await;
    let stopped = timeout(Duration::from_secs(10), server.stop()).await;
    assert!(!stopped.expect("an end"), "it was read after all");
}

/// One grace for all, also where something holds a connection of the pool and does not let go.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_given_back_does_not_outlast_the_grace() {
    fn hold(mut context: Context) {
        std::mem::forget(context.begin());
    }
    let routes: Router<App> = Router::new().route("/hold", post(on_a_thread(hold)));
    let server = Server::with_routes(&SHORT_GRACE, routes).await;
    let held = server.client("a").request(Method::POST, "/hold").send();
    assert_eq!(held.await.expect("an answer").status(), 200);
    let stopped = timeout(Duration::from_secs(10), server.stop()).await;
    assert!(!stopped.expect("an end"), "it was given back after all");
}

/// How long it takes to end.
async fn ctrl_c() -> Duration {
    let folder = TempDir::new().expect("a folder");
    let process = Process::start(folder.path(), &[]).await;
    // A browser keeps connections: one that it has used, and one for later.
    let mut used = Connection::open(process.address).await;
    used.get("/nothing", "").await;
    assert_eq!(used.answer().await.status, 404);
    let _silent = Connection::open(process.address).await;
    let told = Instant::now();
    process.signal("INT");
    assert_eq!(process.wait().await.code(), Some(0));
    told.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_in_development_ends_it_at_once() {
    let mut took = Vec::new();
    while took.last().is_none_or(|took| *took >= AT_ONCE) {
        assert!(took.len() < TRIES, "{took:?}");
        took.push(ctrl_c().await);
    }
}
