//! PostgreSQL: where it is, how many connections there are, and how long anything may take.

use std::{path::Path, time::Duration};

use sqlx::postgres::PgConnectOptions;

use super::{Environment, Secret};

/// As the image of PostgreSQL starts, and most who install it.
const DEVELOPMENT_URL: &str = "postgres://postgres:postgres@127.0.0.1:5432/postgres";

#[derive(Clone, Debug)]
pub struct Database {
    pub url: Secret,
    /// Past a pooler, to the primary: for what needs a session of its own.
    pub direct_url: Option<Secret>,
    /// A standby, for reads that may be a moment old.
    pub replica_url: Option<Secret>,
    pub pooler: Pooler,
    /// Whether it is made where there is none of its name, as in development.
    pub is_made: bool,
    /// Connections that read, in this process.
    pub read_connections: u32,
    /// Connections that write, in this process.
    pub write_connections: u32,
    /// How many processes use the database at once; their connections must fit.
    pub processes: u32,
    /// The longest wait for a connection before a request is answered 503.
    pub acquire_timeout: Duration,
    /// The longest that one statement may run; a request's deadline may end it earlier.
    pub statement_timeout: Duration,
    /// The longest that a statement waits for somebody else's lock.
    pub lock_timeout: Duration,
    /// The longest that a transaction may stand still before the database ends its session.
    pub idle_in_transaction_timeout: Duration,
}

/// What stands between this process and the database. A transaction pooler gives a server's session for one
/// transaction, so nothing of a session lasts: no prepared statement, no setting, no lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooler {
    None,
    Transaction,
}

impl Database {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let url = url(environment, "APP__DATABASE__URL");
        environment.required_in_production(
            "APP__DATABASE__URL",
            url.is_some(),
            "it says where the database is, such as postgres://user:password@host:5432/name",
        );
        Self {
            url: url.unwrap_or_else(|| Secret::new(DEVELOPMENT_URL.to_owned())),
            direct_url: self::url(environment, "APP__DATABASE__DIRECT_URL"),
            replica_url: self::url(environment, "APP__DATABASE__REPLICA_URL"),
            pooler: environment.choice(
                "APP__DATABASE__POOLER",
                "none",
                &[("none", Pooler::None), ("transaction", Pooler::Transaction)],
            ),
            is_made: environment.is_development(),
            read_connections: environment.count("APP__DATABASE__READ_CONNECTIONS", "8"),
            write_connections: environment.count("APP__DATABASE__WRITE_CONNECTIONS", "8"),
            processes: environment.count("APP__DATABASE__PROCESSES", "3"),
            acquire_timeout: environment.duration("APP__DATABASE__ACQUIRE_TIMEOUT", "2s"),
            statement_timeout: environment.duration("APP__DATABASE__STATEMENT_TIMEOUT", "5s"),
            lock_timeout: environment.duration("APP__DATABASE__LOCK_TIMEOUT", "2s"),
            idle_in_transaction_timeout: environment
                .duration("APP__DATABASE__IDLE_IN_TRANSACTION_TIMEOUT", "10s"),
        }
    }

    /// Where it is, for people. The data folder has no part in it.
    pub fn place(&self, _data: &Path) -> String {
        match self.url.expose().parse::<PgConnectOptions>() {
            Ok(url) => format!(
                "postgres://{}:{}/{}",
                url.get_host(),
                url.get_port(),
                url.get_database().unwrap_or_default()
            ),
            Err(_) => "postgres".to_owned(),
        }
    }
}

/// A URL with a password in it is a secret, so what is wrong with it is said without it.
fn url(environment: &mut Environment, name: &'static str) -> Option<Secret> {
    let secret = environment.secret(name);
    let holds = secret
        .as_ref()
        .is_none_or(|url| url.expose().parse::<PgConnectOptions>().is_ok());
    environment.rule(holds, || {
        format!("{name} is no URL such as postgres://user:password@host:5432/name")
    });
    secret
}
