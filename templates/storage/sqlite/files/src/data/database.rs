//! SQLite: one file, many readers, one writer at a time.

mod interrupt;
mod lanes;

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use sqlx::{
    Sqlite, SqliteConnection,
    pool::{PoolConnection, PoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::time::timeout;

use self::{
    interrupt::Interrupt,
    lanes::{Lane, Lanes, Lent},
};
use super::{
    connection::{Bounds, Connection},
    error::Error,
    meter::Meter,
    migrations,
};
use crate::{
    config::{self, database::Synchronous},
    edge::deadline::Deadline,
    telemetry::metrics,
};

pub type Driver = sqlx::Sqlite;
pub type Row = sqlx::sqlite::SqliteRow;

const FILE: &str = "service.db";

/// Clones share their pools. Readers have their own, so that a queue of writers does not hold them up.
#[derive(Clone, Debug)]
pub struct Database {
    readers: Lanes,
    health: Lanes,
    writer: Lane,
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
        let writer = Lane::new(pool.clone(), options.clone());
        let guard = exclusive(lock.clone()).await?;
        let opened = writer.pool.acquire().await;
        opened.with_context(|| format!("{} cannot be opened", directory.join(FILE).display()))?;
        drop(guard);
        let options = options.pragma("query_only", "ON");
        let readers =
            (0..config.read_connections).map(|_| Lane::new(pool.clone(), options.clone()));
        let readers = Lanes::new(readers.collect());
        let health = Lanes::new(vec![Lane::new(pool, options)]);
        Ok(Self {
            readers,
            health,
            writer,
            acquire_timeout: config.acquire_timeout,
            statement_timeout: config.statement_timeout,
            lock,
        })
    }

    /// A connection that reads.
    pub async fn read(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        let lent = self.wait("read", deadline, self.readers.lend()).await?;
        Ok(Connection::new(
            Loan(Kind::Reader(lent)),
            self.bounds(deadline, meter),
        ))
    }

    /// A transaction that writes. It takes SQLite's write lock at once: one that starts as a reader can be
    /// told in the middle that it may not become a writer.
    pub async fn begin(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        let begin = self.writer.pool.begin_with("BEGIN IMMEDIATE");
        let transaction = self.wait("write", deadline, begin).await?;
        meter.count_statement();
        let loan = Loan(Kind::Transaction(
            transaction,
            self.writer.interrupt.clone(),
        ));
        Ok(Connection::new(loan, self.bounds(deadline, meter)))
    }

    /// A connection whose statements commit one by one.
    pub async fn write(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        let connection = self
            .wait("write", deadline, self.writer.pool.acquire())
            .await?;
        let loan = Loan(Kind::Writer(connection, self.writer.interrupt.clone()));
        Ok(Connection::new(loan, self.bounds(deadline, meter)))
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
        pool: &'static str,
        deadline: Deadline,
        loan: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let longest = deadline.remaining();
        let loan = timeout(longest.min(self.acquire_timeout), loan).await;
        metrics::connection_waited(pool, begun.elapsed());
        match loan {
            Ok(loan) => loan.map_err(classify),
            Err(_) => {
                metrics::connection_timed_out(pool);
                Err(if longest <= self.acquire_timeout {
                    Error::Deadline
                } else {
                    Error::Busy
                })
            }
        }
    }

    /// Runs what is pending. Two processes that start at once take turns.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        let guard = exclusive(self.lock.clone()).await?;
        migrations::all()?.run(&self.writer.pool).await?;
        drop(guard);
        Ok(())
    }

    pub async fn pending_migrations(&self) -> anyhow::Result<Vec<String>> {
        let mut connection = self.health.lend().await?;
        migrations::pending(&mut *connection).await
    }

    /// Whether the database answers, on a connection of its own: that all others are busy is not its fault.
    pub async fn ping(&self, deadline: Deadline) -> Result<(), Error> {
        let lent = self.wait("health", deadline, self.health.lend()).await?;
        let bounds = self.bounds(deadline, &Meter::default());
        let mut connection = Connection::new(Loan(Kind::Reader(lent)), bounds);
        connection
            .scalar(sqlx::query_scalar::<_, i64>("SELECT 1"))
            .await
            .map(drop)
    }

    /// Each pool's name, connections in use, and idle ones.
    pub fn pools(&self) -> [(&'static str, u32, u32); 2] {
        let (size, reading) = (self.readers.size(), self.readers.in_use());
        let writing = self
            .writer
            .pool
            .size()
            .saturating_sub(count(self.writer.pool.num_idle()));
        [
            ("read", reading, size - reading),
            ("write", writing, 1_u32.saturating_sub(writing)),
        ]
    }

    pub async fn close(&self) {
        self.readers.close().await;
        self.health.close().await;
        self.writer.pool.close().await;
    }
}

fn count(connections: usize) -> u32 {
    u32::try_from(connections).unwrap_or(u32::MAX)
}

/// A connection, and how it goes back.
pub(super) struct Loan(Kind);

enum Kind {
    Reader(Lent),
    Writer(PoolConnection<Sqlite>, Interrupt),
    Transaction(sqlx::Transaction<'static, Sqlite>, Interrupt),
}

impl Loan {
    pub(super) fn raw(&mut self) -> &mut SqliteConnection {
        match &mut self.0 {
            Kind::Reader(lent) => lent,
            Kind::Writer(connection, _) => connection,
            Kind::Transaction(transaction, _) => transaction,
        }
    }

    /// A statement begins, and is to stop at `end`.
    pub(super) fn arm(&mut self, end: Instant) {
        if let Kind::Reader(lent) = &mut self.0 {
            lent.begin();
        }
        self.interrupt().arm(end);
    }

    /// It was answered. One that failed or was abandoned stays armed, so that it stops.
    pub(super) fn disarm(&mut self) {
        if let Kind::Reader(lent) = &mut self.0 {
            lent.answered();
        }
        self.interrupt().disarm();
    }

    pub(super) async fn commit(self) -> sqlx::Result<()> {
        match self.0 {
            Kind::Transaction(transaction, _) => transaction.commit().await,
            Kind::Reader(_) | Kind::Writer(..) => Ok(()),
        }
    }

    fn interrupt(&self) -> &Interrupt {
        match &self.0 {
            Kind::Reader(lent) => lent.interrupt(),
            Kind::Writer(_, interrupt) | Kind::Transaction(_, interrupt) => interrupt,
        }
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
