//! NATS as tests set it. Each folder has a name of its own there, so tests run side by side on one server.

use std::{
    collections::BTreeMap,
    env,
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Mutex,
};

use serde_json::Value;
use service::config::Config;
use tokio::{io::AsyncWriteExt as _, process::Command};
use uuid::Uuid;

use super::servers::{NATS, NATS_CLIENT};

/// With these a process hears of the jobs of the folder, and of no others.
pub(crate) fn settings(folder: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("APP__BROKER__URL", NATS.url().to_owned()),
        ("APP__BROKER__PREFIX", name(folder)),
    ]
}

/// What the folder's service is called there; no other run has seen it.
fn name(folder: &Path) -> String {
    static NAMES: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());
    let mut names = NAMES.lock().expect("no panic");
    let name = names.entry(folder.to_owned());
    name.or_insert_with(|| format!("test-{}", Uuid::now_v7().simple()))
        .clone()
}

/// Where the server listens, for who stands before it.
pub(crate) fn address() -> String {
    let url = NATS.url();
    let (_, address) = url.rsplit_once(['/', '@']).expect("a URL");
    address.to_owned()
}

/// The server, as it is reached there.
pub(crate) fn url_at(address: SocketAddr) -> String {
    NATS.url().replace(&self::address(), &address.to_string())
}

/// Somebody who has another client than the service: that of Python.
pub(crate) struct Stranger {
    name: String,
}

const CLIENT: &str = include_str!("stranger.py");

/// What it ends with where that client is not installed.
const MISSING: i32 = 77;

impl Stranger {
    /// None where there is no such client: then the test says so and proves nothing, which `REQUIRE_SERVICES=1` does not
    /// take.
    pub(crate) async fn of(folder: &Path) -> Option<Self> {
        Self::new(name(folder)).await
    }

    /// The same for a service of this process.
    pub(crate) async fn of_service(config: &Config) -> Option<Self> {
        Self::new(config.broker.prefix.clone()).await
    }

    async fn new(name: String) -> Option<Self> {
        let stranger = Self { name };
        if stranger.ask("hello", "").await.is_some() {
            return Some(stranger);
        }
        let missing = format!("it takes Python's client of NATS: {NATS_CLIENT}");
        let is_required = env::var_os("REQUIRE_SERVICES").is_some_and(|value| value == "1");
        assert!(!is_required, "{missing}");
        // `eprintln!` would say it to the harness, which says nothing of a test that passes.
        writeln!(io::stderr(), "not tested: {missing}").ok();
        None
    }

    /// Sends the service a message.
    pub(crate) async fn send(&self, message: &str) {
        self.ask("send", message).await.expect("an answer");
    }

    /// Tells its workers of a job of this kind, so often.
    pub(crate) async fn tell_of(&self, kind: &str, times: u32) {
        let news = format!("{kind} {times}");
        self.ask("tell", &news).await.expect("an answer");
    }

    /// The events that it has told of so far.
    pub(crate) async fn events(&self) -> Vec<Value> {
        self.list("events").await
    }

    /// The messages that it has laid aside, each as `body` and `reason`.
    pub(crate) async fn laid_aside(&self) -> Vec<Value> {
        self.list("dead").await
    }

    /// Removes all that it has there, as if the server had lost everything.
    pub(crate) async fn forget(&self) {
        self.ask("forget", "").await.expect("an answer");
    }

    async fn list(&self, what: &str) -> Vec<Value> {
        match self.ask(what, "").await.expect("an answer") {
            Value::Array(values) => values,
            other => panic!("no list: {other}"),
        }
    }

    async fn ask(&self, what: &str, input: &str) -> Option<Value> {
        let mut asked = Command::new("python3")
            .args(["-c", CLIENT, NATS.url(), &self.name, what])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut stdin = asked.stdin.take().expect("stdin");
        stdin.write_all(input.as_bytes()).await.expect("it reads");
        drop(stdin);
        let output = asked.wait_with_output().await.expect("an end");
        if output.status.code() == Some(MISSING) {
            return None;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {said}");
        Some(serde_json::from_slice(&output.stdout).expect("JSON"))
    }
}
