//! The command line: one binary, several roles.

mod health;
mod jobs;

use std::{io::Write as _, net::SocketAddr, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use crate::{
    app::{auth, openapi},
    config::{Config, Source, Stage, Variable},
    external::http::Http,
    runtime,
    serve::{self, Duty, Service},
    telemetry,
};

/// `EX_CONFIG` of sysexits.h.
const BAD_CONFIGURATION: u8 = 78;

/// The longest wait for the last spans and metrics to leave.
const TELEMETRY_FLUSH: Duration = Duration::from_secs(3);

#[derive(Debug, Parser)]
#[command(
    version,
    about = "Runs the service, or a command beside it; see docs/runbook.md"
)]
struct Cli {
    /// Without one: `all`
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Answer requests and work on jobs; in development, run pending migrations before
    All,
    /// Answer requests; refused while migrations are pending
    Serve,
    /// Work on jobs; refused while migrations are pending
    Worker,
    /// Run pending migrations
    Migrate,
    /// Look at jobs, and give dead ones another try
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// Ask the instance beside this one whether it is well; for a container's health check
    Health(health::Health),
    /// Print the effective configuration, secrets redacted
    Config,
    /// Print the OpenAPI document
    Openapi,
    /// Print a token for development
    Token(auth::Token),
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.role, Some(Role::Openapi)) {
        return report(print_openapi());
    }
    let (config, variables) = match Config::load() {
        Ok(loaded) => loaded,
        Err(problems) => {
            writeln!(std::io::stderr(), "{problems}").ok();
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    let migrates = config.stage == Stage::Development;
    match cli.role.unwrap_or(Role::All) {
        Role::Config => report(print_config(&variables)),
        Role::Token(token) => report(token.run(&config).and_then(|token| print(&token))),
        Role::Openapi => report(print_openapi()),
        Role::Health(health) => report(runtime::run(async { health.run(&config).await })),
        Role::Migrate => report(runtime::run(async { migrate(config).await })),
        Role::Jobs(jobs) => report(runtime::run(async { jobs.run(&config).await })),
        Role::All => served(runtime::run(run(config, Duty::Both, migrates))),
        Role::Serve => served(runtime::run(run(config, Duty::Serve, false))),
        Role::Worker => served(runtime::run(run(config, Duty::Work, false))),
    }
}

async fn migrate(config: Config) -> anyhow::Result<()> {
    let database =
        crate::data::database::Database::open(&config.database, &config.data.directory).await?;
    for name in database.pending_migrations().await? {
        print(&format!("running {name}"))?;
    }
    database.migrate().await?;
    print("the database is up to date")
}

/// Runs to the end; whether all that was begun was also ended.
async fn run(config: Config, duty: Duty, migrate: bool) -> anyhow::Result<bool> {
    let http = Http::new()?;
    let telemetry = telemetry::init(&config, &http)?;
    let ended = serve(config, http, duty, migrate).await;
    telemetry.shutdown(TELEMETRY_FLUSH).await;
    ended
}

async fn serve(config: Config, http: Http, duty: Duty, migrate: bool) -> anyhow::Result<bool> {
    let service = Service::start(config.clone(), http, duty, migrate).await?;
    serve::stop_on_signals(&config, service.lifecycle())?;
    let database = service.app().database.clone();
    telemetry::metrics::pools(move || database.pools());
    if config.stage == Stage::Development {
        print(&banner(&config, &service))?;
    }
    if let Some(address) = service.address() {
        tracing::info!(%address, "listening on {address}");
    }
    Ok(service.run().await)
}

/// What somebody who just started it wants to know, in a line each.
fn banner(config: &Config, service: &Service) -> String {
    let name = env!("CARGO_PKG_NAME");
    let keys = config
        .auth
        .jwks
        .as_deref()
        .unwrap_or("a development key pair in the data folder");
    let telemetry = match std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT") {
        Some(_) => "exported over OTLP",
        None => "logs only (OTEL_EXPORTER_OTLP_ENDPOINT is not set)",
    };
    let (does, call) = match service.address() {
        Some(address) => (format!("is running on http://{address}"), call(address)),
        None => ("works on jobs".to_owned(), String::new()),
    };
    let health = match service.admin_address() {
        Some(address) => format!("http://{address}/ready"),
        None => "nowhere (APP__ADMIN__ADDRESS is empty)".to_owned(),
    };
    format!(
        "
  {name} {does} (development)
    health     {health}
    database   {directory}/
    keys       {keys}
    telemetry  {telemetry}
{call}",
        directory = config.data.directory.display(),
    )
}

fn call(address: SocketAddr) -> String {
    format!(
        "  try
    curl -H \"Authorization: Bearer $(cargo run -q -- token)\" http://{address}/v1/documents
"
    )
}

fn print_config(variables: &[Variable]) -> anyhow::Result<()> {
    let lines = variables.iter().map(
        |Variable {
             name,
             value,
             source,
         }| {
            let source = match source {
                Source::Default => "default",
                Source::Environment => "environment",
                Source::File => "file",
                Source::Unset => "unset",
            };
            format!("{name}={value}  # {source}")
        },
    );
    print(&lines.collect::<Vec<_>>().join("\n"))
}

fn print_openapi() -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(&openapi::document())?)
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

fn report(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "error: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

fn served(result: anyhow::Result<bool>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => report(Err(anyhow::anyhow!(
            "stopped with work unfinished: the grace was over"
        ))),
        Err(error) => report(Err(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_was_cut_off_is_no_success() {
        assert_eq!(served(Ok(true)), ExitCode::SUCCESS);
        assert_eq!(served(Ok(false)), ExitCode::FAILURE);
        assert_eq!(served(Err(anyhow::anyhow!("no"))), ExitCode::FAILURE);
    }
}
