//! P8: what a caller may spend in a day is never passed, however many of its requests run at once and on however
//! many instances.

use std::time::Duration;

use service::{
    app::{context::Context, state::App},
    config::{Config, Environment},
    data::spend::{self, Claim, Reservation, Reserved, Settlement},
    edge::deadline::Deadline,
    external::http::Http,
};
use temp_dir::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;

mod calls;
mod ledger;
mod race;

const HOUR: Duration = Duration::from_secs(60 * 60);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A caller's database on a folder of its own.
struct Purse {
    app: App,
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
            ("APP__DATABASE__BUSY_TIMEOUT", "19s"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (config, _) = Config::read(&mut Environment::new(variables)).expect("it holds");
        let app = start(&config).await;
        app.database.migrate().await.expect("a schema");
        Self {
            app,
            config,
            _folder: folder,
        }
    }

    /// One more on the same file, with connections of its own.
    async fn other_instance(&self) -> App {
        start(&self.config).await
    }

    async fn granted(&self, claim: Claim<'_>) -> Reservation {
        match reserve(&self.app, claim).await {
            Reserved::Granted(reservation) => reservation,
            Reserved::Refused { .. } => panic!("there is room for {claim:?}"),
        }
    }

    async fn refused(&self, claim: Claim<'_>) -> Duration {
        match reserve(&self.app, claim).await {
            Reserved::Granted(_) => panic!("there is no room for {claim:?}"),
            Reserved::Refused { turns_in } => turns_in,
        }
    }

    async fn settle(&self, reservation: Reservation, amount: i64) -> bool {
        settle(&self.app, reservation, settlement(amount)).await
    }

    async fn release(&self, reservation: Reservation) -> bool {
        let mut context = context(&self.app);
        let mut connection = context.write().await.expect("a connection");
        let released = spend::release(&mut connection, reservation).await;
        released.expect("an answer")
    }

    /// What is settled and what is reserved today.
    async fn today(&self) -> (i64, i64) {
        let mut context = context(&self.app);
        let mut connection = context.read().await.expect("a connection");
        let today = spend::today(&mut connection, "t", "s").await;
        let today = today.expect("an answer");
        (today.settled, today.reserved)
    }

    async fn change(&self, statement: &'static str) {
        let mut context = context(&self.app);
        let mut connection = context.write().await.expect("a connection");
        let changed = connection.execute(sqlx::query(statement)).await;
        assert!(changed.expect("a change") > 0, "{statement}");
    }
}

async fn start(config: &Config) -> App {
    let http = Http::new().expect("a client");
    let app = App::start(config.clone(), http).await;
    app.expect("a start")
}

fn context(app: &App) -> Context {
    let deadline = Deadline::after(Duration::from_secs(20));
    Context::of_job(app, "t", Uuid::now_v7(), deadline)
}

async fn reserve(app: &App, claim: Claim<'_>) -> Reserved {
    let mut context = context(app);
    let mut transaction = context.begin().await.expect("a transaction");
    let reserved = spend::reserve(&mut transaction, &claim).await;
    transaction.commit().await.expect("a commit");
    reserved.expect("an answer")
}

async fn settle(app: &App, reservation: Reservation, spent: Settlement<'_>) -> bool {
    let mut context = context(app);
    let mut transaction = context.begin().await.expect("a transaction");
    let settled = spend::settle(&mut transaction, reservation, &spent).await;
    transaction.commit().await.expect("a commit");
    settled.expect("an answer")
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
