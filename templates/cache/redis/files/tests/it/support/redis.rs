//! Redis as tests set it. Each folder has a prefix of its own, so tests run side by side on one server.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Mutex,
};

use redis::{Client, ConnectionAddr, IntoConnectionInfo as _, aio::MultiplexedConnection};
use uuid::Uuid;

use super::{proxy::Proxy, servers::REDIS};

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

/// Where the server listens, for who stands before it: `host:port`.
pub(crate) fn address() -> String {
    let info = REDIS.url().into_connection_info().expect("a URL");
    match info.addr() {
        ConnectionAddr::Tcp(host, port) => format!("{host}:{port}"),
        other => panic!("no network leads to {other}"),
    }
}

/// A network before the server, and the server as it is reached through it.
pub(crate) async fn by_proxy() -> (Proxy, String) {
    let proxy = Proxy::to(address()).await;
    let way = proxy.address().to_string();
    (proxy, REDIS.url().replace(&address(), &way))
}
