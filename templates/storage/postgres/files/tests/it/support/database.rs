//! The database as tests set it, and what other processes do to it. Each folder has a database of its own, so tests run
//! side by side on one server.

mod servers;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    thread,
};

use ring::digest::{SHA256, digest};
use service::{config::Config, data::connection::Connection};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions,
};

/// No more connections than must be.
pub(crate) const FEW_CONNECTIONS: &[(&str, &str)] = &[
    ("APP__DATABASE__READ_CONNECTIONS", "1"),
    ("APP__DATABASE__WRITE_CONNECTIONS", "1"),
];

/// With these a process works on the folder and on the database that belongs to it.
pub(crate) fn settings(folder: &Path) -> Vec<(&'static str, String)> {
    let directory = folder.to_str().expect("UTF-8").to_owned();
    vec![
        ("APP__DATA__DIRECTORY", directory),
        ("APP__DATABASE__URL", url(folder)),
    ]
}

/// The database of this folder, made when it is first asked for.
fn url(folder: &Path) -> String {
    static MADE: Mutex<BTreeMap<PathBuf, Arc<OnceLock<String>>>> = Mutex::new(BTreeMap::new());
    let mut all = MADE.lock().expect("no panic");
    let made = all.entry(folder.to_owned()).or_default().clone();
    drop(all);
    made.get_or_init(|| apart(make(folder.to_owned()))).clone()
}

/// Waits for it also where the caller must not wait.
fn apart<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(work)
    };
    thread::scope(|scope| scope.spawn(run).join().expect("no panic"))
}

async fn make(folder: PathBuf) -> String {
    let server = servers::postgres().expect("TEST_POSTGRES_URL, of a user who may make databases");
    let server: PgConnectOptions = server.parse().expect("a URL");
    let mut connection = server.connect().await.expect("a server");
    let digest = digest(&SHA256, folder.as_os_str().as_encoded_bytes());
    let digits = digest.as_ref()[..12].iter();
    let name = digits.fold("test_".to_owned(), |name, byte| format!("{name}{byte:02x}"));
    for statement in [
        // Of an earlier run, whose folder was called the same.
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name} TEMPLATE template0"),
        format!(
            "COMMENT ON DATABASE {name} IS '{}'",
            folder.display().to_string().replace('\'', "''")
        ),
    ] {
        run(&mut connection, statement).await;
    }
    connection.close().await.expect("an end");
    server.database(&name).to_url_lossy().into()
}

async fn run(connection: &mut PgConnection, statement: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await;
    done.expect("a change");
}

/// Somebody who holds up this service's writes.
pub(crate) struct Blocker(PgConnection);

impl Blocker {
    /// Locks tables as an index does that is made without `CONCURRENTLY`: they can be read.
    pub(crate) async fn of_writes(config: &Config) -> Self {
        let connection = PgConnection::connect(config.database.url.expose()).await;
        let mut connection = connection.expect("a connection");
        let lock = "BEGIN; LOCK TABLE documents, idempotency_keys, jobs IN SHARE MODE";
        run(&mut connection, lock.to_owned()).await;
        Self(connection)
    }

    pub(crate) async fn release(self) {
        self.0.close().await.expect("an end");
    }
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
