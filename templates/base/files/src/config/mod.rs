//! Typed configuration from the environment: variables are `APP__SECTION__KEY`, values carry units, and
//! every problem is reported at once. `docs/configuration.md` is the reference.
//!
//! The prefix is `APP`, never the project's name: Kubernetes injects `NAME_PORT=tcp://…` for a service
//! called NAME.

mod auth;
mod cache;
pub mod database;
mod edge;
mod environment;
mod idempotency;
mod jobs;
mod secret;
mod value;

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use tracing_subscriber::filter::Targets;

pub use self::{
    auth::Auth,
    cache::Cache,
    database::Database,
    edge::{Admin, Limits, RateLimit, Server},
    environment::{Environment, Source, Variable},
    idempotency::Idempotency,
    jobs::Jobs,
    secret::Secret,
};

const DOTENV: &str = ".env";

/// A shorter key can be guessed from the cursors that it signed.
const SHORTEST_CURSOR_KEY: usize = 32;

/// Where the process runs. Development trades strictness for a start without any setting: migrations run
/// by themselves, keys are made in the data folder, logs are for eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Development,
    Production,
}

#[derive(Clone, Debug)]
pub struct Config {
    pub stage: Stage,
    pub server: Server,
    pub admin: Admin,
    pub limits: Limits,
    pub rate_limit: RateLimit,
    pub data: Data,
    pub database: Database,
    pub cache: Cache,
    pub auth: Auth,
    pub idempotency: Idempotency,
    pub jobs: Jobs,
    pub pagination: Pagination,
    pub log: Log,
}

/// The folder for what this machine keeps: the embedded database and, in development, keys.
#[derive(Clone, Debug)]
pub struct Data {
    pub directory: PathBuf,
}

#[derive(Clone, Debug)]
pub struct Pagination {
    /// Signs cursors, so that a client cannot make one up. The same on every instance.
    pub cursor_key: Option<Secret>,
}

#[derive(Clone, Debug)]
pub struct Log {
    pub format: LogFormat,
    pub filter: Targets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

/// All that is wrong with the configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 {
            "problem"
        } else {
            "problems"
        };
        writeln!(f, "{} {plural} in the configuration:", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|problem| writeln!(f, "  - {problem}"))?;
        write!(f, "docs/configuration.md lists every variable.")
    }
}

impl std::error::Error for Problems {}

impl Config {
    /// Reads the process's environment, after `.env` in development.
    pub fn load() -> Result<(Self, Vec<Variable>), Problems> {
        if stage_default() == Stage::Development {
            read_dotenv()?;
        }
        // Names and values need not be UTF-8; `std::env::vars` would panic over one that is not.
        let text = |text: OsString| text.to_string_lossy().into_owned();
        let given = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        Self::read(&mut Environment::new(given))
    }

    /// Reads `environment`; on success also says where each value came from.
    pub fn read(environment: &mut Environment) -> Result<(Self, Vec<Variable>), Problems> {
        let stage = environment.choice(
            "APP__ENVIRONMENT",
            match stage_default() {
                Stage::Development => "development",
                Stage::Production => "production",
            },
            &[
                ("development", Stage::Development),
                ("production", Stage::Production),
            ],
        );
        environment.stage(stage);
        let config = Self {
            stage,
            server: Server::read(environment),
            admin: Admin::read(environment),
            limits: Limits::read(environment),
            rate_limit: RateLimit::read(environment),
            data: Data {
                directory: environment.path("APP__DATA__DIRECTORY", "data"),
            },
            database: Database::read(environment),
            cache: Cache::read(environment),
            auth: Auth::read(environment),
            idempotency: Idempotency::read(environment),
            jobs: Jobs::read(environment),
            pagination: Pagination::read(environment),
            log: Log::read(environment),
        };
        config.check(environment);
        let variables = environment.finish()?;
        Ok((config, variables))
    }

    /// Rules between sections; those within one stand in its own `read`.
    fn check(&self, environment: &mut Environment) {
        environment.rule(
            self.database.acquire_timeout < self.server.request_timeout,
            || {
                "APP__DATABASE__ACQUIRE_TIMEOUT must be shorter than APP__SERVER__REQUEST_TIMEOUT: \
             a request would end before it was told that the database is busy"
                    .to_owned()
            },
        );
        environment.rule(self.idempotency.lease > self.server.request_timeout, || {
            "APP__IDEMPOTENCY__LEASE must be longer than APP__SERVER__REQUEST_TIMEOUT: \
             a duplicate would run while the first request still does"
                .to_owned()
        });
        environment.rule(self.jobs.drain_timeout < self.server.shutdown_grace, || {
            "APP__JOBS__DRAIN_TIMEOUT must be shorter than APP__SERVER__SHUTDOWN_GRACE: \
             the process would end before its jobs are given back"
                .to_owned()
        });
    }
}

impl Pagination {
    fn read(environment: &mut Environment) -> Self {
        let cursor_key = environment.secret("APP__PAGINATION__CURSOR_KEY");
        environment.required_in_production(
            "APP__PAGINATION__CURSOR_KEY",
            cursor_key.is_some(),
            "every instance must sign cursors alike; 32 random bytes as text will do",
        );
        let is_long = cursor_key
            .as_ref()
            .is_none_or(|key| key.expose().len() >= SHORTEST_CURSOR_KEY);
        environment.rule(is_long, || {
            format!(
                "APP__PAGINATION__CURSOR_KEY must have at least {SHORTEST_CURSOR_KEY} characters"
            )
        });
        Self { cursor_key }
    }
}

impl Log {
    fn read(environment: &mut Environment) -> Self {
        let development = environment.is_development();
        Self {
            format: environment.choice(
                "APP__LOG__FORMAT",
                if development { "pretty" } else { "json" },
                &[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)],
            ),
            filter: environment.value("APP__LOG__FILTER", "info"),
        }
    }
}

/// Adds what `.env` in the current folder sets and the environment does not.
fn read_dotenv() -> Result<(), Problems> {
    let problem = match dotenvy::from_path(Path::new(DOTENV)) {
        Ok(()) => return Ok(()),
        Err(error) if error.not_found() => return Ok(()),
        // Its name only: the rest of the line may be a secret.
        Err(dotenvy::Error::LineParse(line, _)) => {
            let name = line.split(['=', ' ']).next().unwrap_or_default();
            format!("{DOTENV}: the line that starts with {name:?} is not NAME=value")
        }
        Err(error) => format!("{DOTENV} cannot be read: {error}"),
    };
    Err(Problems(vec![problem]))
}

/// A debug build is a development build: a release binary that nobody configured is strict.
fn stage_default() -> Stage {
    match std::env::var("APP__ENVIRONMENT").as_deref() {
        Ok("development") => Stage::Development,
        Ok(_) => Stage::Production,
        Err(_) if cfg!(debug_assertions) => Stage::Development,
        Err(_) => Stage::Production,
    }
}
