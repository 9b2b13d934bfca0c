//! PostgreSQL: connections that read, connections that write, and one that looks whether it is well.

mod failure;
mod loan;
mod session;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use sqlx::{PgPool, Postgres, pool::PoolOptions};
use tokio::time::timeout;

pub(super) use self::{failure::classify, loan::Loan};
use self::{
    loan::Kind,
    session::{Session, Use},
};
use super::{
    connection::{Bounds, Connection},
    error::Error,
    meter::Meter,
    migrations,
};
use crate::{config, edge::deadline::Deadline, telemetry::metrics};

pub type Driver = Postgres;
pub type Row = sqlx::postgres::PgRow;

/// A connection that was not used for this long is tested before it is lent: the other end may be gone.
const TRUSTED: Duration = Duration::from_secs(1);

/// Migrations take turns by this advisory lock. The number means nothing, and must never change.
const MIGRATIONS: i64 = 6_014_388_172_953_820_417;

/// The longest wait for another process that migrates.
const WAIT_FOR_TURN: &str = "SET lock_timeout = '10min'";

/// A migration that waits longer than this for a table gives up: behind it waits everybody who comes after.
const WAIT_FOR_TABLE: &str = "SET lock_timeout = '10s'";

/// Past a pooler: for migrations, and for the news of jobs.
const DIRECT_CONNECTIONS: u32 = 2;

/// Clones share their pools. Readers have their own, so that a queue of writers does not hold them up.
#[derive(Clone, Debug)]
pub struct Database {
    readers: PgPool,
    writers: PgPool,
    health: PgPool,
    /// Past a pooler; none where there is a pooler and no way past it.
    direct: Option<PgPool>,
    session: Session,
    acquire_timeout: Duration,
    statement_timeout: Duration,
}

impl Database {
    /// Connects to the database; nothing of it is in the data folder.
    pub async fn open(config: &config::Database, directory: &Path) -> anyhow::Result<Self> {
        let session = Session::new(config);
        let url = config.url.expose();
        let pool = |size, used| -> anyhow::Result<PgPool> {
            let options = session.options(url, used);
            let options = options.context("APP__DATABASE__URL cannot be read")?;
            Ok(pool(size, config.acquire_timeout).connect_lazy_with(options))
        };
        let direct = match &config.direct_url {
            Some(url) => Some(url.expose()),
            None if session.is_pooled() => None,
            None => Some(url),
        };
        let direct = direct
            .map(|url| Session::direct(url).context("APP__DATABASE__DIRECT_URL cannot be read"))
            .transpose()?;
        let database = Self {
            readers: pool(config.read_connections, Use::Read)?,
            writers: pool(config.write_connections, Use::Write)?,
            health: pool(1, Use::Read)?,
            direct: direct.map(|options| {
                self::pool(DIRECT_CONNECTIONS, config.acquire_timeout).connect_lazy_with(options)
            }),
            session,
            acquire_timeout: config.acquire_timeout,
            statement_timeout: config.statement_timeout,
        };
        database.check(config, directory).await?;
        Ok(database)
    }

    /// That it is there, and that the connections of all processes fit.
    async fn check(&self, config: &config::Database, directory: &Path) -> anyhow::Result<()> {
        let mut connection = self.writers.acquire().await.with_context(|| {
            format!(
                "the database {} (APP__DATABASE__URL) cannot be reached",
                config.place(directory)
            )
        })?;
        if self.session.is_pooled() {
            // How many reach the database is the pooler's to say.
            return Ok(());
        }
        let allowed: i64 = sqlx::query_scalar(
            "SELECT CAST(current_setting('max_connections') AS BIGINT)
                - CAST(current_setting('superuser_reserved_connections') AS BIGINT)
                - COALESCE(CAST(current_setting('reserved_connections', TRUE) AS BIGINT), 0)",
        )
        .fetch_one(&mut *connection)
        .await?;
        let each = config.read_connections + config.write_connections + 1 + DIRECT_CONNECTIONS;
        let needed = i64::from(each) * i64::from(config.processes);
        ensure!(
            needed <= allowed,
            "{} processes (APP__DATABASE__PROCESSES) of {each} connections each need {needed}, and the \
             database allows {allowed}: lower APP__DATABASE__READ_CONNECTIONS or \
             APP__DATABASE__WRITE_CONNECTIONS, or raise its max_connections",
            config.processes,
        );
        Ok(())
    }

    /// A connection that reads.
    pub async fn read(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        self.lend("read", &self.readers, Kind::Read, deadline, meter)
            .await
    }

    /// A transaction that writes.
    pub async fn begin(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        let (session, acquire) = (&self.session, self.writers.acquire());
        let begin = async {
            let mut loan = Loan::new(acquire.await?, Kind::Transaction, session.clone());
            loan.open(deadline.within(self.statement_timeout).remaining())
                .await?;
            Ok(loan)
        };
        let loan = self.wait("write", deadline, begin).await?;
        meter.count_statement();
        Ok(Connection::new(loan, self.bounds(deadline, meter)))
    }

    /// A connection whose statements commit one by one.
    pub async fn write(&self, deadline: Deadline, meter: &Meter) -> Result<Connection, Error> {
        self.lend("write", &self.writers, Kind::Write, deadline, meter)
            .await
    }

    async fn lend(
        &self,
        name: &'static str,
        pool: &PgPool,
        kind: Kind,
        deadline: Deadline,
        meter: &Meter,
    ) -> Result<Connection, Error> {
        let connection = self.wait(name, deadline, pool.acquire()).await?;
        let loan = Loan::new(connection, kind, self.session.clone());
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
            Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => {
                metrics::connection_timed_out(pool);
                Err(if longest <= self.acquire_timeout {
                    Error::Deadline
                } else {
                    Error::Busy
                })
            }
            Ok(loan) => loan.map_err(classify),
        }
    }

    /// Runs what is pending. Two processes that start at once take turns.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        if self.pending_migrations().await?.is_empty() {
            return Ok(());
        }
        let direct = self.direct.as_ref().context(
            "migrations need sessions, which a transaction pooler does not give: \
             set APP__DATABASE__DIRECT_URL to the database itself",
        )?;
        // Never lent again: its settings go with it.
        let mut connection = direct.acquire().await?.detach();
        sqlx::raw_sql(WAIT_FOR_TURN)
            .execute(&mut connection)
            .await?;
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(MIGRATIONS)
            .execute(&mut connection)
            .await?;
        sqlx::raw_sql(WAIT_FOR_TABLE)
            .execute(&mut connection)
            .await?;
        let mut migrations = migrations::all()?;
        migrations.set_locking(false);
        migrations.run(&mut connection).await?;
        Ok(())
    }

    pub async fn pending_migrations(&self) -> anyhow::Result<Vec<String>> {
        let connection = self.health.acquire().await?;
        let mut loan = Loan::new(connection, Kind::Read, self.session.clone());
        loan.arm(Instant::now() + self.statement_timeout).await?;
        let pending = migrations::pending(loan.raw()).await?;
        loan.disarm().await?;
        Ok(pending)
    }

    /// Whether the database answers, on a connection of its own: that all others are busy is not its fault.
    pub async fn ping(&self, deadline: Deadline) -> Result<(), Error> {
        let meter = Meter::default();
        let mut connection = self
            .lend("health", &self.health, Kind::Read, deadline, &meter)
            .await?;
        connection
            .scalar(sqlx::query_scalar::<_, i64>("SELECT CAST(1 AS BIGINT)"))
            .await
            .map(drop)
    }

    /// Each pool's name, connections in use, and idle ones.
    pub fn pools(&self) -> [(&'static str, u32, u32); 2] {
        [("read", &self.readers), ("write", &self.writers)].map(|(name, pool)| {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            (name, pool.size().saturating_sub(idle), idle)
        })
    }

    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
        self.health.close().await;
        if let Some(direct) = &self.direct {
            direct.close().await;
        }
    }
}

fn pool(size: u32, acquire_timeout: Duration) -> PoolOptions<Postgres> {
    PoolOptions::new()
        .max_connections(size)
        .acquire_timeout(acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED {
                    sqlx::Connection::ping(connection).await?;
                }
                Ok(true)
            })
        })
}
