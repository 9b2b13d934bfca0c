//! P8: what a caller may spend in a day is never passed, however many of its requests run at once and on however
//! many instances.

use std::time::Duration;

use service::{
    config::{Config, Environment},
    data::{
        connection::Connection,
        database::Database,
        meter::Meter,
        spend::{self, Claim, Reservation, Reserved, Settlement},
    },
    edge::deadline::Deadline,
};
use temp_dir::TempDir;
use tokio::task::JoinSet;

mod calls;
mod ledger;
mod race;

const HOUR: Duration = Duration::from_secs(60 * 60);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A tenant's database on a folder of its own; clones are other instances on the same file.
struct Purse {
    database: Database,
    config: Config,
    _folder: TempDir,
}

impl Purse {
    async fn open() -> Self {
        let folder = TempDir::new().expect("a folder");
        let directory = folder.path().to_str().expect("UTF-8").to_owned();
        let variables = [
            ("APP__ENVIRONMENT", "development"),
            ("APP__DATA__DIRECTORY", &directory),
            ("APP__DATABASE__ACQUIRE_TIMEOUT", "19s"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (config, _) = Config::read(&mut Environment::new(variables)).expect("it holds");
        let database = open(&config).await;
        database.migrate().await.expect("a schema");
        Self {
            database,
            config,
            _folder: folder,
        }
    }

    async fn connection(&self) -> Connection {
        connection(&self.database).await
    }

    async fn reserve(&self, claim: Claim<'_>) -> Reserved {
        let reserved = spend::reserve(&mut self.connection().await, &claim).await;
        reserved.expect("an answer")
    }

    async fn granted(&self, claim: Claim<'_>) -> Reservation {
        match self.reserve(claim).await {
            Reserved::Granted(reservation) => reservation,
            Reserved::Refused { .. } => panic!("there is room for {claim:?}"),
        }
    }

    async fn refused(&self, claim: Claim<'_>) -> Duration {
        match self.reserve(claim).await {
            Reserved::Granted(_) => panic!("there is no room for {claim:?}"),
            Reserved::Refused { turns_in } => turns_in,
        }
    }

    async fn settle(&self, reservation: Reservation, amount: i64) -> bool {
        let spent = settlement(amount);
        let settled = spend::settle(&mut self.connection().await, reservation, &spent).await;
        settled.expect("an answer")
    }

    /// What is settled and what is reserved today.
    async fn today(&self) -> (i64, i64) {
        let today = spend::today(&mut self.connection().await, "t", "s").await;
        let today = today.expect("an answer");
        (today.settled, today.reserved)
    }

    async fn change(&self, statement: &'static str) {
        let changed = self
            .connection()
            .await
            .execute(sqlx::query(statement))
            .await;
        assert!(changed.expect("a change") > 0, "{statement}");
    }
}

async fn open(config: &Config) -> Database {
    let database = Database::open(&config.database, &config.data.directory).await;
    database.expect("a database")
}

async fn connection(database: &Database) -> Connection {
    let deadline = Deadline::after(Duration::from_secs(20));
    let connection = database.write(deadline, &Meter::default()).await;
    connection.expect("a connection")
}

fn claim(amount: i64) -> Claim<'static> {
    Claim {
        tenant: "t",
        subject: "s",
        route: "/v1/answers",
        amount,
        limit: Some(100),
        lifetime: HOUR,
    }
}

fn settlement(amount: i64) -> Settlement<'static> {
    Settlement {
        amount,
        model: "large",
        input_tokens: 10,
        output_tokens: 5,
        cached_input_tokens: 3,
        is_estimated: false,
    }
}
