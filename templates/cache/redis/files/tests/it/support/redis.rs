//! Redis as tests set it, and a line to it that a test cuts. Each folder has a prefix of its own, so tests run side by side
//! on one server.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use redis::{Client, ConnectionAddr, IntoConnectionInfo as _, aio::MultiplexedConnection};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use uuid::Uuid;

use super::servers::REDIS;

/// With these a process has keys that belong to the folder.
pub(crate) fn settings(folder: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("APP__CACHE__URL", REDIS.url().to_owned()),
        ("APP__CACHE__PREFIX", prefix(folder)),
        // A machine that is busy with other tests is none that has failed: who tests the limit sets it.
        ("APP__CACHE__TIMEOUT", "19s".to_owned()),
    ]
}

/// Which no other run has used.
fn prefix(folder: &Path) -> String {
    static PREFIXES: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());
    let mut prefixes = PREFIXES.lock().expect("no panic");
    let prefix = prefixes.entry(folder.to_owned()).or_insert_with(fresh);
    prefix.clone()
}

/// A prefix of nobody's.
pub(crate) fn fresh() -> String {
    format!("test_{}", Uuid::now_v7().simple())
}

/// Somebody else's connection to the server.
pub(crate) async fn connect() -> MultiplexedConnection {
    let client = Client::open(REDIS.url()).expect("a URL");
    let connection = client.get_multiplexed_async_connection().await;
    connection.expect("a connection")
}

/// All keys with this prefix.
pub(crate) async fn keys(prefix: &str) -> Vec<String> {
    let mut command = redis::cmd("KEYS");
    command.arg(format!("{prefix}:*"));
    let keys = command.query_async(&mut connect().await).await;
    keys.expect("keys")
}

/// As after a restart of a server that has written nothing down: the keys are gone, and so are the scripts.
pub(crate) async fn empty(prefix: &str) {
    let mut all = redis::pipe();
    for key in keys(prefix).await {
        all.del(key).ignore();
    }
    all.cmd("SCRIPT").arg("FLUSH").ignore();
    let emptied = all.query_async::<()>(&mut connect().await).await;
    emptied.expect("a change");
}

/// What happens to what is sent over a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// Whoever connects is hung up on.
    Cut,
    /// Whoever connects hears nothing.
    Stalled,
}

/// A line to the server, in front of which nobody sees that it is not the server itself.
pub(crate) struct Line {
    address: SocketAddr,
    state: watch::Sender<State>,
    connections: Arc<AtomicUsize>,
}

impl Line {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (state, watched) = watch::channel(State::Whole);
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(client, watched.clone()));
            }
        });
        Self {
            address,
            state,
            connections,
        }
    }

    /// What leads to the server over this line.
    pub(crate) fn url(&self) -> String {
        let (host, port) = server();
        let direct = format!("{host}:{port}");
        REDIS.url().replace(&direct, &self.address.to_string())
    }

    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    pub(crate) fn stall(&self) {
        self.state.send_replace(State::Stalled);
    }

    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Whole);
    }

    /// How often somebody connected.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn server() -> (String, u16) {
    let info = REDIS.url().into_connection_info().expect("a URL");
    match info.addr() {
        ConnectionAddr::Tcp(host, port) => (host.clone(), *port),
        other => panic!("no line leads to {other}"),
    }
}

/// Until the line is in another state; whoever is on it then is hung up on when it is whole again.
async fn carry(mut client: TcpStream, mut state: watch::Receiver<State>) {
    if *state.borrow_and_update() == State::Whole {
        let mut server = TcpStream::connect(server()).await.expect("the server");
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = state.changed() => {}
        }
    }
    let is_over = |state: &State| *state != State::Stalled;
    state.wait_for(is_over).await.ok();
}
