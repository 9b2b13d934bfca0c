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
    pool::PoolOptions,
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
};

pub type Driver = sqlx::Sqlite;
pub type Row = sqlx::sqlite::SqliteRow;

const FILE: &str = "service.db";

/// Clones share their pools. Readers have their own, so that a queue of writers does not hold them up.
#[derive(Clone, Debug)]
pub struct Database {
    readers: Lanes,
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
        let loan = async {
            let lent = self.readers.lend().await?;
            let lane = lent.lane().cloned().ok_or(sqlx::Error::PoolClosed)?;
            Ok((lane.pool.acquire().await?, lane.interrupt, lent))
        };
        let (connection, interrupt, lent) = self.wait(deadline, loan).await?;
        let loan = Loan {
            interrupt,
            _lent: Some(lent),
        };
        Ok(Connection::plain(
            connection,
            loan,
            self.bounds(deadline, meter),
        ))
    }

    /// A transaction that writes. It takes SQLite's write lock at once: one that starts as a reader can be
    /// told in the middle that it may not become a writer.
    pub async fn begin(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        let begin = self.writer.pool.begin_with("BEGIN IMMEDIATE");
        let transaction = self.wait(deadline, begin).await?;
        meter.count_statement();
        Ok(Connection::open(
            transaction,
            self.writer_loan(),
            self.bounds(deadline, meter),
        ))
    }

    /// A connection whose statements commit one by one.
    pub async fn write(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        let connection = self.wait(deadline, self.writer.pool.acquire()).await?;
        Ok(Connection::plain(
            connection,
            self.writer_loan(),
            self.bounds(deadline, meter),
        ))
    }

    fn writer_loan(&self) -> Loan {
        Loan {
            interrupt: self.writer.interrupt.clone(),
            _lent: None,
        }
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
        migrations::all()?.run(&self.writer.pool).await?;
        drop(guard);
        Ok(())
    }

    pub async fn pending_migrations(&self) -> anyhow::Result<Vec<String>> {
        let mut connection = self.writer.pool.acquire().await?;
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
        self.writer.pool.close().await;
    }
}

fn count(connections: usize) -> u32 {
    u32::try_from(connections).unwrap_or(u32::MAX)
}

/// What a connection on loan carries besides itself.
pub(super) struct Loan {
    interrupt: Interrupt,
    // Given back when the connection is.
    _lent: Option<Lent>,
}

impl Loan {
    /// Stops the next statement at `end`.
    pub(super) fn arm(&self, end: Instant) {
        self.interrupt.arm(end);
    }

    /// After an answer.
    pub(super) fn disarm(&self) {
        self.interrupt.disarm();
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
