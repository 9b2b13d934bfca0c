//! The service as a process of its own, to be killed, stopped and started again.

use std::{
    collections::BTreeMap,
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{Client, isolation, sender::INBOUND_SECRET, settings::settings};

pub(crate) struct Process {
    child: Child,
    /// A worker has only that of its health.
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    folder: PathBuf,
    log: Arc<Mutex<String>>,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts on `folder` with these variables beside the defaults, and returns once it listens.
    pub(crate) async fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start_as("all", folder, variables).await
    }

    /// The same in another role.
    pub(crate) async fn start_as(role: &str, folder: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start_with(role, folder, command(folder, variables)).await
    }

    /// The same by this command, of the binary on `folder`.
    pub(crate) async fn start_with(role: &str, folder: &Path, mut command: Command) -> Self {
        let mut child = command.arg(role).spawn().expect("a start");
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stderr.take().expect("stderr"), log.clone());
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let public = match role {
            "worker" => None,
            _ => Some(address_after(&mut stdout, "is running on http://", &log).await),
        };
        let admin = address_after(&mut stdout, "health     http://", &log).await;
        let address = public.unwrap_or(admin);
        Self {
            child,
            address,
            admin,
            folder: folder.to_owned(),
            log,
            _stdout: stdout,
        }
    }

    pub(crate) async fn client(&self, subject: &str) -> Client {
        let arguments = ["token", "--subject", subject, "--tenant", subject];
        let token = run(&self.folder, &[], &arguments).await;
        assert!(
            token.status.success(),
            "{}",
            String::from_utf8_lossy(&token.stderr)
        );
        let token = String::from_utf8(token.stdout).expect("text");
        Client::new(self.address).credential(&format!("Bearer {}", token.trim()))
    }

    /// Everything that it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("a kill");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// The processes that it has started and that have not ended.
    pub(crate) fn children(&self) -> Vec<u32> {
        let folders = fs::read_dir("/proc").expect("processes").flatten();
        let ids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
        let is_child = |id: &u32| matches!(stat(*id), Some((state, parent)) if state != ENDED && parent == self.id());
        ids.filter(is_child).collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// To those too that it has started.
    pub(crate) fn signal_all(&self, name: &str) {
        self.signal(name);
        for child in self.children() {
            // It may have ended meanwhile.
            send(child, name);
        }
    }

    /// SIGTERM, and the wait for its end.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().await.expect("an end")
    }

    pub(crate) async fn wait(mut self) -> ExitStatus {
        self.child.wait().await.expect("an end")
    }
}

/// What a process is called that nobody has taken leave of yet.
const ENDED: char = 'Z';

/// What a process is at, in a letter, and who started it; see proc_pid_stat(5). None where it is gone.
fn stat(id: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before may have spaces and brackets of its own.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// What lists of processes show of it.
pub(crate) fn command_line(id: u32) -> String {
    let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).into_owned()
}

pub(crate) fn is_alive(id: u32) -> bool {
    stat(id).is_some_and(|(state, _)| state != ENDED)
}

/// Sends it to this process alone.
pub(crate) fn signal(id: u32, name: &str) {
    assert!(send(id, name), "{id} is gone");
}

/// Whether there was anybody to send it to.
fn send(id: u32, name: &str) -> bool {
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .stderr(Stdio::null())
        .status();
    sent.expect("kill").success()
}

/// Runs a command of the binary to its end.
pub(crate) async fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    command(folder, variables)
        .args(arguments)
        .output()
        .await
        .expect("a start")
}

/// The binary, with these variables beside the defaults.
pub(crate) fn command(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut environment = BTreeMap::from([
        ("APP__ENVIRONMENT", "development"),
        ("APP__SERVER__ADDRESS", "127.0.0.1:0"),
        ("APP__ADMIN__ADDRESS", "127.0.0.1:0"),
        ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1000000"),
        ("APP__RATE_LIMIT__BURST", "1000000"),
        ("APP__WEBHOOKS__INBOUND_SECRET", INBOUND_SECRET),
    ]);
    environment.extend(isolation::setting());
    environment.extend(variables.iter().copied());
    let mut command = Command::new(binary());
    command
        .env_clear()
        .envs(settings(folder))
        .envs(environment)
        // Not in the project, whose `.env` it would read.
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Cargo builds the binary before the tests, two folders above this one's file.
pub(crate) fn binary() -> PathBuf {
    let test = env::current_exe().expect("a path");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("target/PROFILE/deps");
    profile
        .join(env!("CARGO_PKG_NAME"))
        .with_extension(env::consts::EXE_EXTENSION)
}

fn collect(stream: impl AsyncRead + Unpin + Send + 'static, log: Arc<Mutex<String>>) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut log = log.lock().expect("no panic");
            log.push_str(&line);
            log.push('\n');
        }
    });
}

async fn address_after(
    stdout: &mut Lines<BufReader<ChildStdout>>,
    words: &str,
    log: &Mutex<String>,
) -> SocketAddr {
    while let Some(line) = stdout.next_line().await.expect("text") {
        if let Some((_, rest)) = line.split_once(words) {
            let address = rest.split([' ', '/']).next().expect("a part");
            return address
                .parse()
                .unwrap_or_else(|_| panic!("no address in {line:?}"));
        }
    }
    panic!(
        "ended before it said {words:?}: {}",
        log.lock().expect("no panic")
    );
}
