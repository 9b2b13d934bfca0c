//! What the database is told of how long things may take. With a session of one's own it is told once, as the session
//! begins; behind a transaction pooler, which has none to give, at the start of each transaction.

use std::time::Duration;

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, postgres::PgConnectOptions};
use tokio::time::timeout;

use super::failure;
use crate::config::{self, database::Pooler};

/// The database that every server has.
const MAINTENANCE: &str = "postgres";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Write,
}

#[derive(Clone, Debug)]
pub(super) struct Session {
    pooler: Pooler,
    statement_timeout: Duration,
    lock_timeout: Duration,
    idle_in_transaction_timeout: Duration,
}

impl Session {
    pub(super) fn new(config: &config::Database) -> Self {
        Self {
            pooler: config.pooler,
            statement_timeout: config.statement_timeout,
            lock_timeout: config.lock_timeout,
            idle_in_transaction_timeout: config.idle_in_transaction_timeout,
        }
    }

    pub(super) fn is_pooled(&self) -> bool {
        self.pooler == Pooler::Transaction
    }

    /// The longest that a statement may run.
    pub(super) fn statement_timeout(&self) -> Duration {
        self.statement_timeout
    }

    /// How a session begins.
    pub(super) fn options(&self, url: &str, used: Use) -> sqlx::Result<PgConnectOptions> {
        let options = Self::direct(url)?;
        if self.is_pooled() {
            // Poolers refuse what they do not know at the start of a session.
            return Ok(options.extra_float_digits(None));
        }
        let is_read_only = match used {
            Use::Read => "on",
            Use::Write => "off",
        };
        let [statement, lock, idle] = [
            self.statement_timeout,
            self.lock_timeout,
            self.idle_in_transaction_timeout,
        ]
        .map(|timeout| millis(timeout).to_string());
        Ok(options.options([
            ("default_transaction_read_only", is_read_only),
            ("statement_timeout", &statement),
            ("lock_timeout", &lock),
            ("idle_in_transaction_session_timeout", &idle),
        ]))
    }

    /// How one begins for what has no bounds of a request.
    pub(super) fn direct(url: &str) -> sqlx::Result<PgConnectOptions> {
        let options: PgConnectOptions = url.parse()?;
        Ok(options.application_name(env!("CARGO_PKG_NAME")))
    }

    /// Begins a transaction whose statements are stopped after `bound`.
    pub(super) fn begin(&self, used: Use, bound: Duration) -> String {
        let begin = match used {
            Use::Read => "BEGIN READ ONLY",
            Use::Write => "BEGIN",
        };
        if !self.is_pooled() {
            return if self.is_bounded(bound) {
                begin.to_owned()
            } else {
                format!("{begin}; {}", tighten(bound))
            };
        }
        format!(
            "{begin}; {}; SET LOCAL lock_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = {}",
            tighten(bound),
            millis(self.lock_timeout),
            millis(self.idle_in_transaction_timeout),
        )
    }

    /// Whether the session's own setting stops a statement soon enough after `bound`.
    pub(super) fn is_bounded(&self, bound: Duration) -> bool {
        !self.is_pooled() && is_soon_enough(self.statement_timeout, bound)
    }
}

/// Makes the database that the URL names, if its server has none of this name. Poolers hide why there is no connection.
pub(super) async fn make_if_missing(config: &config::Database) -> anyhow::Result<()> {
    let url = config.direct_url.as_ref().unwrap_or(&config.url);
    let options = Session::direct(url.expose())?;
    match timeout(config.acquire_timeout, options.connect()).await {
        Ok(Err(error)) if failure::is_missing(&error) => make(&options).await,
        // What else may be wrong shows when it is used.
        _ => Ok(()),
    }
}

async fn make(options: &PgConnectOptions) -> anyhow::Result<()> {
    let name = options.get_database().unwrap_or(options.get_username());
    #[expect(
        clippy::disallowed_methods,
        reason = "a name cannot be bound; it is the operator's, and quoted"
    )]
    let make = AssertSqlSafe(format!(
        r#"CREATE DATABASE "{}""#,
        name.replace('"', r#""""#)
    ));
    let mut connection = options.clone().database(MAINTENANCE).connect().await?;
    match sqlx::raw_sql(make).execute(&mut connection).await {
        Err(error) if !failure::is_there(&error) => {
            return Err(error).with_context(|| format!("the database {name} cannot be made"));
        }
        Ok(_) | Err(_) => {}
    }
    connection.close().await?;
    tracing::info!(name, "made the database {name}");
    Ok(())
}

/// Stops the statements of this transaction after `bound`.
pub(super) fn tighten(bound: Duration) -> String {
    // 0 would be no bound at all.
    format!("SET LOCAL statement_timeout = {}", millis(bound).max(1))
}

/// Nobody waits for the statement any more after `bound`; that it may run a tenth longer spares most statements a round
/// trip that would say so.
pub(super) fn is_soon_enough(set: Duration, bound: Duration) -> bool {
    set - set / 10 <= bound
}

fn millis(duration: Duration) -> u128 {
    duration.as_millis()
}
