//! An event stream that tells nothing costs next to nothing: thousands of them, in one process, are nobody's trouble.

use std::{env, fs, future::pending, net::SocketAddr, process::Stdio, time::Duration};

use axum::{extract::State, response::Response, routing::get};
use reqwest::StatusCode;
use service::{
    app::{router, state::App},
    edge::events::{Event, Source},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};

use crate::support::{Client, Server, eventually, files};

const STREAMS: usize = 8_000;

/// Of both ends of a stream, in a debug build. Twice what was measured.
const MOST_MEMORY: usize = 64 * 1024;

/// Files that are not a stream's.
const OTHERS: usize = 1_000;

/// Tells the test that no other one runs beside it.
const ALONE: &str = "TEST_STREAMS_ALONE";

/// Enough for all to be told of the end, in a debug build on a busy machine.
const PATIENT: [(&str, &str); 1] = [("APP__SERVER__SHUTDOWN_GRACE", "5m")];

/// Says that it has begun, and nothing more.
async fn idle(State(app): State<App>) -> Response {
    let source: Source<()> = Source::new(|events| async move {
        events.send(Event::json("begun", &1)).await;
        pending().await
    });
    source.response(&app, Duration::ZERO)
}

async fn open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = b"GET /idle HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).await.expect("it is sent");
    let (mut told, mut piece) = (Vec::new(), [0; 1_024]);
    while !told.ends_with(b"event: begun\ndata: 1\n\n\r\n") {
        let read = stream.read(&mut piece).await.expect("an event");
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&told));
        told.extend_from_slice(&piece[..read]);
    }
    stream
}

/// What it is told until it ends.
async fn rest(mut stream: TcpStream) -> String {
    let mut told = String::new();
    stream.read_to_string(&mut told).await.expect("text");
    told
}

async fn use_everything(client: &Client) {
    let path = client.create("one").await;
    client.replace(&path, "two").await;
    client.remove(&path).await;
}

/// In bytes; see proc_pid_status(5). None where the system has no such file.
fn memory() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|text| text.trim().strip_suffix(" kB"));
    let kibibytes: usize = kibibytes.expect("a size").parse().expect("a number");
    Some(kibibytes * 1_024)
}

fn open_files() -> usize {
    fs::read_dir("/dev/fd").expect("files").count()
}

/// Runs this test in a process of its own: memory and open files are those of all tests together.
async fn run_alone() {
    let program = env::current_exe().expect("a path");
    let name = "streams::thousands_that_are_idle_harm_nobody_and_are_told_of_the_end";
    let mut command = Command::new(program);
    command.args(["--exact", name, "--nocapture"]);
    command.env(ALONE, "1").stdout(Stdio::piped());
    let process = command.kill_on_drop(true).spawn().expect("a start");
    let output = process.wait_with_output().await.expect("an end");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "there is no {name}: {said}");
}

#[tokio::test]
async fn thousands_that_are_idle_harm_nobody_and_are_told_of_the_end() {
    let Some(_turn) = files::many(2 * STREAMS as u64).await else {
        return;
    };
    if env::var_os(ALONE).is_none() {
        return run_alone().await;
    }
    let (routes, _) = router::routes().split_for_parts();
    let server = Server::with_routes(&PATIENT, routes.route("/idle", get(idle))).await;
    let (memory_before, files_before) = (memory(), open_files());
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(open(server.address).await);
    }
    if let (Some(before), Some(after)) = (memory_before, memory()) {
        let each = after.saturating_sub(before) / STREAMS;
        assert!(each < MOST_MEMORY, "{each} bytes each");
    }
    let opened = open_files().saturating_sub(files_before);
    assert!(opened < 2 * STREAMS + OTHERS, "{opened} files");

    let client = server.client("a");
    let health = Client::new(server.admin);
    for _ in 0..10 {
        use_everything(&client).await;
        for path in ["/live", "/ready"] {
            assert_eq!(health.get(path).await.status(), StatusCode::OK, "{path}");
        }
    }

    assert!(server.stop().await, "all have ended in time");
    for stream in streams {
        let told = rest(stream).await;
        assert!(told.contains("event: shutdown\n"), "{told:?}");
    }
    eventually("their files to be closed", async || {
        (open_files() < files_before + OTHERS).then_some(())
    })
    .await;
}
