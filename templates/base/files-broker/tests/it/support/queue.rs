//! The broker as tests set it. Each folder has a name of its own there, so tests run side by side on one server.

mod broker;
mod private;

use std::{
    collections::BTreeMap,
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Mutex,
};

use serde_json::Value;
use service::{config::Config, jobs::Kind};
use tokio::{io::AsyncWriteExt as _, process::Command};
use uuid::Uuid;

use self::broker::{BROKER, CLIENT, INSTALL};
pub(crate) use self::private::Private;
use super::proxy::Proxy;

/// With these a process hears of the jobs of the folder, and of no others.
pub(crate) fn settings(folder: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("APP__BROKER__URL", BROKER.url().to_owned()),
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

/// A network before the server, and the server as it is reached through it.
pub(crate) async fn by_proxy() -> (Proxy, String) {
    let proxy = Proxy::to(address().to_owned()).await;
    let way = proxy.address().to_string();
    (proxy, BROKER.url().replace(address(), &way))
}

/// Where the server listens.
fn address() -> &'static str {
    let (_, rest) = BROKER.url().split_once("://").expect("a URL");
    let (_, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
    let (address, _) = rest.split_once('/').unwrap_or((rest, ""));
    address
}

/// Somebody who has another client than the service.
pub(crate) struct Stranger {
    url: String,
    name: String,
}

/// What the client ends with where what it needs is not installed.
const NOT_INSTALLED: i32 = 77;

impl Stranger {
    /// None where there is no such client: then the test says so and proves nothing, which `REQUIRE_SERVICES=1` does not
    /// take.
    pub(crate) async fn of(folder: &Path) -> Option<Self> {
        Self::at(BROKER.url(), folder).await
    }

    /// The same at another server.
    pub(crate) async fn at(url: &str, folder: &Path) -> Option<Self> {
        Self::new(url, name(folder)).await
    }

    /// The same for a service of this process.
    pub(crate) async fn of_service(config: &Config) -> Option<Self> {
        Self::new(BROKER.url(), config.broker.prefix.clone()).await
    }

    async fn new(url: &str, name: String) -> Option<Self> {
        let url = url.to_owned();
        let stranger = Self { url, name };
        if stranger.run("hello", "").await.is_some() {
            return Some(stranger);
        }
        let missing = format!("it takes another client of the broker: {INSTALL}");
        let is_required = env::var_os("REQUIRE_SERVICES").is_some_and(|value| value == "1");
        assert!(!is_required, "{missing}");
        // `eprintln!` would say it to the harness, which says nothing of a test that passes.
        writeln!(io::stderr(), "not tested: {missing}").ok();
        None
    }

    /// Sends the service a message.
    pub(crate) async fn send(&self, message: &str) {
        self.ask("send", message).await;
    }

    /// Tells its workers of a job of this kind, so often.
    pub(crate) async fn tell_of(&self, kind: &str, times: u32) {
        self.ask("tell", &format!("{kind} {times}")).await;
    }

    /// The events that it has told of since this stranger is there.
    pub(crate) async fn events(&self) -> Vec<Value> {
        self.list("events").await
    }

    /// The messages that it has laid aside, each as `body` and `reason`.
    pub(crate) async fn laid_aside(&self) -> Vec<Value> {
        self.list("dead").await
    }

    /// How many messages to it are not taken yet.
    pub(crate) async fn waiting(&self) -> u64 {
        let count = self.ask("waiting", "").await;
        count.as_u64().expect("a number")
    }

    /// Removes all that it has there, as if the server had lost everything.
    pub(crate) async fn forget(&self) {
        let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        self.ask("forget", &kinds.join(" ")).await;
    }

    async fn list(&self, what: &str) -> Vec<Value> {
        match self.ask(what, "").await {
            Value::Array(values) => values,
            other => panic!("no list: {other}"),
        }
    }

    /// What the client can do.
    pub(crate) async fn ask(&self, what: &str, input: &str) -> Value {
        self.run(what, input).await.expect("an answer")
    }

    async fn run(&self, what: &str, input: &str) -> Option<Value> {
        let mut client = Command::new("python3")
            .args(["-c", CLIENT, &self.url, &self.name, what])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut stdin = client.stdin.take().expect("stdin");
        stdin.write_all(input.as_bytes()).await.expect("it reads");
        drop(stdin);
        let output = client.wait_with_output().await.expect("an end");
        if output.status.code() == Some(NOT_INSTALLED) {
            return None;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {said}");
        Some(serde_json::from_slice(&output.stdout).expect("JSON"))
    }
}
