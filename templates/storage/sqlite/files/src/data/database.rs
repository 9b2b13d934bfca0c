//! SQLite: one file, many readers, one writer at a time.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use sqlx::{
    SqliteConnection, SqlitePool,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::time::timeout;

use super::{
    connection::{Bounds, Connection},
    error::Error,
    meter::Meter,
    migrations,
};
use crate::{
    config::{self, database::Synchronous},
    edge::deadline::Deadline,
};

pub type Driver = sqlx::Sqlite;
pub type Row = sqlx::sqlite::SqliteRow;

const FILE: &str = "service.db";

/// How many of SQLite's instructions run between two looks at the clock: well below a millisecond.
const INSTRUCTIONS_BETWEEN_LOOKS: i32 = 10_000;

/// Clones share their pools. Readers have their own, so that a queue of writers does not hold them up.
#[derive(Clone, Debug)]
pub struct Database {
    readers: SqlitePool,
    writer: SqlitePool,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    lock: Arc<Path>,
}

impl Database {
    /// Opens the file in `directory` and makes both where they are missing.
    pub async fn open(config: &config::Database, directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| {
            format!(
                "the data folder {} (APP__DATA__DIRECTORY) cannot be made",
                directory.display()
            )
        })?;
        let lock: Arc<Path> = directory.join("service.lock").into();
        let synchronous = match config.synchronous {
            Synchronous::Full => SqliteSynchronous::Full,
            Synchronous::Normal => SqliteSynchronous::Normal,
        };
        let options = SqliteConnectOptions::new()
            .filename(directory.join(FILE))
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(config.busy_timeout);
        // A connection to a file does not go stale, so it is not tested before each loan.
        let pool = PoolOptions::new()
            .acquire_timeout(config.acquire_timeout)
            .test_before_acquire(false);
        let guard = exclusive(lock.clone()).await?;
        let writer = pool
            .clone()
            .max_connections(1)
            .min_connections(1)
            .connect_with(options.clone())
            .await
            .with_context(|| format!("{} cannot be opened", directory.join(FILE).display()))?;
        drop(guard);
        let readers = pool
            .max_connections(config.read_connections)
            .connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self {
            readers,
            writer,
            acquire_timeout: config.acquire_timeout,
            statement_timeout: config.statement_timeout,
            lock,
        })
    }

    /// A connection that reads.
    pub async fn read(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        let connection = self.wait(deadline, self.readers.acquire()).await?;
        Connection::plain(connection, self.bounds(deadline, meter)).await
    }

    /// A transaction that writes. It takes SQLite's write lock at once: one that starts as a reader can be
    /// told in the middle that it may not become a writer.
    pub async fn begin(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        let transaction = self
            .wait(deadline, self.writer.begin_with("BEGIN IMMEDIATE"))
            .await?;
        meter.count_statement();
        Connection::open(transaction, self.bounds(deadline, meter)).await
    }

    /// A connection whose statements commit one by one.
    pub async fn write(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        let connection = self.wait(deadline, self.writer.acquire()).await?;
        Connection::plain(connection, self.bounds(deadline, meter)).await
    }

    fn bounds(&self, deadline: Deadline, meter: &Meter) -> Bounds {
        Bounds {
            deadline,
            statement_timeout: self.statement_timeout,
            meter: meter.clone(),
        }
    }

    async fn wait<T>(
        &self,
        deadline: Deadline,
        loan: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, Error> {
        let longest = deadline.remaining();
        match timeout(longest.min(self.acquire_timeout), loan).await {
            Ok(loan) => loan.map_err(classify),
            Err(_) if longest <= self.acquire_timeout => Err(Error::Deadline),
            Err(_) => Err(Error::Busy),
        }
    }

    /// Runs what is pending. Two processes that start at once take turns.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        let guard = exclusive(self.lock.clone()).await?;
        migrations::all()?.run(&self.writer).await?;
        drop(guard);
        Ok(())
    }

    pub async fn pending_migrations(&self) -> anyhow::Result<Vec<String>> {
        let mut connection = self.writer.acquire().await?;
        migrations::pending(&mut *connection).await
    }

    /// Whether the database answers.
    pub async fn ping(&self, deadline: Deadline) -> Result<(), Error> {
        let mut connection = self.read(deadline, &Meter::default()).await?;
        connection
            .scalar(sqlx::query_scalar::<_, i64>("SELECT 1"))
            .await
            .map(drop)
    }

    /// Each pool's name, connections in use, and idle ones.
    pub fn pools(&self) -> [(&'static str, u32, u32); 2] {
        [("read", &self.readers), ("write", &self.writer)].map(|(name, pool)| {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            (name, pool.size().saturating_sub(idle), idle)
        })
    }

    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Holds off the other processes on this folder while the file or its schema is made.
async fn exclusive(path: Arc<Path>) -> anyhow::Result<fs::File> {
    tokio::task::spawn_blocking(move || {
        let file = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        file.lock()?;
        Ok(file)
    })
    .await?
    .map_err(|error: std::io::Error| {
        anyhow::anyhow!("the data folder (APP__DATA__DIRECTORY): {error}")
    })
}

/// Stops a statement inside SQLite at its end. To abandon the wait alone would leave the statement
/// running, and its connection busy, for as long as it likes.
pub(super) struct Interrupt {
    origin: Instant,
    /// Microseconds after `origin`.
    end: Arc<AtomicU64>,
}

impl Interrupt {
    pub(super) async fn install(connection: &mut SqliteConnection) -> Result<Self, Error> {
        let origin = Instant::now();
        let end = Arc::new(AtomicU64::new(u64::MAX));
        let watched = end.clone();
        let mut handle = connection.lock_handle().await.map_err(classify)?;
        handle.set_progress_handler(INSTRUCTIONS_BETWEEN_LOOKS, move || {
            micros(origin.elapsed()) < watched.load(Ordering::Relaxed)
        });
        Ok(Self { origin, end })
    }

    pub(super) fn arm(&self, end: Instant) {
        self.end.store(
            micros(end.saturating_duration_since(self.origin)),
            Ordering::Relaxed,
        );
    }

    /// After an answer. A statement that was abandoned stays armed, so that it stops.
    pub(super) fn disarm(&self) {
        self.end.store(u64::MAX, Ordering::Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Codes of <https://www.sqlite.org/rescode.html>; the low byte is the primary one.
pub(super) fn classify(error: sqlx::Error) -> Error {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const INTERRUPT: i32 = 9;
    const IOERR: i32 = 10;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    let code = error
        .as_database_error()
        .and_then(|error| error.code())
        .and_then(|code| code.parse::<i32>().ok())
        .map(|code| code & 0xff);
    match (&error, code) {
        (sqlx::Error::PoolTimedOut, _) | (_, Some(BUSY | LOCKED)) => Error::Busy,
        (_, Some(INTERRUPT)) => Error::Deadline,
        (sqlx::Error::PoolClosed | sqlx::Error::Io(_), _) | (_, Some(IOERR | FULL | CANTOPEN)) => {
            Error::Unavailable(error.to_string())
        }
        _ => Error::Other(error),
    }
}
