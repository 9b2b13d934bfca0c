//! The database as tests set it, and what other processes do to it. Each folder has a database of its own, so tests run
//! side by side on one server.

use std::{
    collections::BTreeMap,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::Duration,
};

use service::{
    app::state::App,
    config::Config,
    data::{connection::Connection, meter::Meter},
    edge::deadline::Deadline,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions,
};
use tokio::runtime;
use uuid::Uuid;

use super::{eventually, servers::POSTGRES};

/// No more connections than must be.
pub(crate) const FEW_CONNECTIONS: &[(&str, &str)] = &[
    ("APP__DATABASE__READ_CONNECTIONS", "1"),
    ("APP__DATABASE__WRITE_CONNECTIONS", "1"),
];

/// Names the URL of a transaction pooler.
pub(crate) const POOLER: &str = "TEST_PGBOUNCER_URL";

/// With these a process works on the folder and on the database that belongs to it.
pub(crate) fn settings(folder: &Path) -> Vec<(&'static str, String)> {
    let name = name(folder);
    let directory = folder.to_str().expect("UTF-8").to_owned();
    let pooler = if is_pooled() { "transaction" } else { "none" };
    vec![
        ("APP__DATA__DIRECTORY", directory),
        ("APP__DATABASE__URL", at(&near(), &name)),
        ("APP__DATABASE__DIRECT_URL", at(POSTGRES.url(), &name)),
        ("APP__DATABASE__POOLER", pooler.to_owned()),
        // A machine that is busy with other tests is none that has failed: who tests a limit sets it.
        ("APP__DATABASE__ACQUIRE_TIMEOUT", "19s".to_owned()),
        ("APP__DATABASE__LOCK_TIMEOUT", "19s".to_owned()),
        ("APP__DATABASE__STATEMENT_TIMEOUT", "19s".to_owned()),
    ]
}

/// Whether all tests go through a pooler; some are about what there is without one.
pub(crate) fn is_pooled() -> bool {
    env::var_os(POOLER).is_some()
}

/// Where services reach the server: at a transaction pooler before it, if all tests are to go through one.
pub(crate) fn near() -> String {
    env::var(POOLER).unwrap_or_else(|_| POSTGRES.url().to_owned())
}

/// Of the folder's database, which is made when it is first asked for, and which no other run has seen.
fn name(folder: &Path) -> String {
    static NAMES: Mutex<BTreeMap<PathBuf, Arc<OnceLock<String>>>> = Mutex::new(BTreeMap::new());
    let mut names = NAMES.lock().expect("no panic");
    let name = names.entry(folder.to_owned()).or_default().clone();
    drop(names);
    name.get_or_init(|| {
        let name = format!("test_{}", Uuid::now_v7().simple());
        apart(make(POSTGRES.url(), &name));
        name
    })
    .clone()
}

/// Waits for it, also where a runtime is that must not wait.
fn apart(work: impl Future<Output = ()> + Send) {
    let run = || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(work);
    };
    thread::scope(|scope| scope.spawn(run).join().expect("no panic"));
}

async fn make(server: &str, name: &str) {
    let connection = PgConnection::connect(server).await;
    let mut connection = connection.expect("a server");
    // Nobody works in this template, so many can copy it at once.
    let make = format!("CREATE DATABASE {name} TEMPLATE template0");
    let made = sqlx::raw_sql(AssertSqlSafe(make))
        .execute(&mut connection)
        .await;
    made.expect("a database");
    connection.close().await.expect("an end");
}

/// The database that belongs to the folder, by another way to this server.
pub(crate) fn by(way: SocketAddr, server: &str, folder: &Path) -> String {
    let url: PgConnectOptions = server.parse().expect("a URL");
    let url = url.host(&way.ip().to_string()).port(way.port());
    url.database(&name(folder)).to_url_lossy().into()
}

/// Where this server listens: `host:port`.
pub(crate) fn address(server: &str) -> String {
    let url: PgConnectOptions = server.parse().expect("a URL");
    format!("{}:{}", url.get_host(), url.get_port())
}

/// The database of this name on this server.
fn at(server: &str, name: &str) -> String {
    let server: PgConnectOptions = server.parse().expect("a URL");
    server.database(name).to_url_lossy().into()
}

/// Somebody who holds up this service's writes.
pub(crate) struct Blocker(PgConnection);

impl Blocker {
    /// Locks tables as an index does that is made without `CONCURRENTLY`: they can be read.
    pub(crate) async fn of_writes(config: &Config) -> Self {
        let database = &config.database;
        let url = database.direct_url.as_ref().unwrap_or(&database.url);
        let connection = PgConnection::connect(url.expose()).await;
        let mut connection = connection.expect("a connection");
        let lock = "BEGIN; LOCK TABLE documents, idempotency_keys, jobs IN SHARE MODE";
        let locked = sqlx::raw_sql(lock).execute(&mut connection).await;
        locked.expect("the locks");
        Self(connection)
    }

    pub(crate) async fn release(self) {
        self.0.close().await.expect("an end");
    }
}

/// Waits until one session of this database waits for a lock of another.
pub(crate) async fn somebody_waits(app: &App) {
    eventually("a wait for a lock", async || {
        let waits = "SELECT COUNT(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let deadline = Deadline::after(Duration::from_secs(20));
        let lent = app.database.write(deadline, &Meter::default()).await;
        let mut connection = lent.expect("a connection");
        let waits = connection.scalar(sqlx::query_scalar::<_, i64>(waits)).await;
        (waits.expect("a count") == 1).then_some(())
    })
    .await;
}

/// Writes down each end of a job in a table of its own, once for each time that it happens.
pub(crate) async fn log_ends_of_jobs(connection: &mut Connection) {
    let statements = [
        "CREATE TABLE ends_of_jobs (tenant TEXT NOT NULL, job UUID NOT NULL)",
        "CREATE FUNCTION log_end_of_job() RETURNS TRIGGER LANGUAGE plpgsql AS $$
         BEGIN INSERT INTO ends_of_jobs VALUES (NEW.tenant, NEW.id); RETURN NULL; END $$",
        "CREATE TRIGGER log_ends_of_jobs AFTER UPDATE OF state ON jobs FOR EACH ROW
         WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION log_end_of_job()",
    ];
    for statement in statements {
        let made = connection.execute(sqlx::query(statement)).await;
        made.expect("a change");
    }
}

/// From now on no jobs are added but those of this kind, so that nothing else is at work.
pub(crate) async fn only_jobs_of(connection: &mut Connection, kind: &str) {
    let statements = [
        "CREATE TABLE wanted_jobs (kind TEXT NOT NULL)",
        "CREATE FUNCTION keep_if_wanted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
         BEGIN IF NEW.kind IN (SELECT kind FROM wanted_jobs) THEN RETURN NEW; END IF; RETURN NULL; END $$",
        "CREATE TRIGGER only_wanted_jobs BEFORE INSERT ON jobs FOR EACH ROW
         EXECUTE FUNCTION keep_if_wanted()",
    ];
    for statement in statements {
        let made = connection.execute(sqlx::query(statement)).await;
        made.expect("a change");
    }
    let wanted = sqlx::query("INSERT INTO wanted_jobs VALUES ($1)").bind(kind);
    connection.execute(wanted).await.expect("a change");
}
