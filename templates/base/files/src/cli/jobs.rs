//! What an operator does to jobs.

use anyhow::bail;
use clap::Subcommand;
use uuid::Uuid;

use super::print;
use crate::{
    app::time::rfc3339,
    config::Config,
    data::{
        connection::Connection,
        database::Database,
        jobs::{Job, State, desk},
        meter::Meter,
    },
    edge::deadline::Deadline,
};

#[derive(Debug, Subcommand)]
pub(super) enum Jobs {
    /// List jobs in a state, the newest first
    List {
        #[arg(long, default_value = "dead", value_parser = state)]
        state: State,
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Print all that is known of a job, its payload too
    Inspect { id: Uuid },
    /// Queue a dead job again with all its attempts, or all dead ones
    Redrive(Which),
    /// Remove a dead job, or all dead ones
    Discard(Which),
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    id: Option<Uuid>,
    #[arg(long)]
    all: bool,
}

impl Jobs {
    pub(super) async fn run(&self, config: &Config) -> anyhow::Result<()> {
        let database = Database::open(&config.database, &config.data.directory).await?;
        let deadline = Deadline::after(config.server.request_timeout);
        let mut connection = database.write(deadline, &Meter::default()).await?;
        let done = self.act(&mut connection).await;
        drop(connection);
        database.close().await;
        done
    }

    async fn act(&self, connection: &mut Connection) -> anyhow::Result<()> {
        match self {
            Self::List { state, limit } => {
                for job in desk::list(connection, *state, *limit).await? {
                    print(&line(&job))?;
                }
                Ok(())
            }
            Self::Inspect { id } => match desk::inspect(connection, *id).await? {
                Some((job, payload)) => print(&page(&job, &payload)),
                None => bail!("there is no job {id}"),
            },
            Self::Redrive(which) => {
                let jobs = desk::redrive(connection, which.id).await?;
                print(&format!("{jobs} queued again"))
            }
            Self::Discard(which) => {
                let jobs = desk::discard(connection, which.id).await?;
                print(&format!("{jobs} removed"))
            }
        }
    }
}

fn state(text: &str) -> Result<State, String> {
    let known = State::ALL.into_iter().find(|state| state.name() == text);
    let names = State::ALL.map(State::name).join(", ");
    known.ok_or_else(|| format!("expected one of {names}"))
}

fn line(job: &Job) -> String {
    let Job {
        id,
        kind,
        attempts,
        max_attempts,
        ..
    } = job;
    let created = rfc3339(job.created_at * 1_000);
    let error = job.last_error.as_deref().unwrap_or_default();
    format!("{id}  {kind}  {created}  {attempts}/{max_attempts}  {error}")
}

fn page(job: &Job, payload: &str) -> String {
    let time =
        |millis: Option<i64>| millis.map_or("-".to_owned(), |millis| rfc3339(millis * 1_000));
    let rows = [
        ("id", job.id.to_string()),
        ("kind", job.kind.clone()),
        ("tenant", job.tenant.clone()),
        ("state", job.state.name().to_owned()),
        (
            "attempts",
            format!("{} of {}", job.attempts, job.max_attempts),
        ),
        ("progress", format!("{} %", job.progress)),
        ("created", time(Some(job.created_at))),
        ("due", time(Some(job.run_at))),
        ("started", time(job.started_at)),
        ("finished", time(job.finished_at)),
        ("error", job.last_error.clone().unwrap_or_default()),
        ("result", job.result.clone().unwrap_or_default()),
        ("payload", payload.to_owned()),
    ];
    rows.map(|(name, value)| format!("{name:9} {value}"))
        .join("\n")
}
