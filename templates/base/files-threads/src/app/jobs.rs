//! Jobs, as whoever asked for them sees them: how far they are, what came of them, and how to stop them.

use std::time::Duration;

use axum::{
    Json,
    extract::State as Given,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{context::Context, parameters::Id, state::App, time};
use crate::{
    data::blocking::jobs::{Job as Row, State as RowState, desk},
    edge::{
        deadline::Deadline,
        events::{self, Event, Events, Source},
        problem::Problem,
    },
    jobs::{Kind, webhooks},
    threads::{sleep, wait},
};

/// When a client that polls should ask again, in seconds.
const ASK_AGAIN: &str = "1";

/// How often a watched job is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How long one answer watches; whoever wants more comes back with the last event's id.
const LONGEST: Duration = Duration::from_secs(600);

/// The longest wait for one look.
const PATIENCE: Duration = Duration::from_secs(5);

/// `dead` is a job that failed for good; it can be queued again by an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Queued,
    Running,
    Succeeded,
    Dead,
    Cancelled,
}

impl From<RowState> for State {
    fn from(state: RowState) -> Self {
        match state {
            RowState::Queued => Self::Queued,
            RowState::Running => Self::Running,
            RowState::Succeeded => Self::Succeeded,
            RowState::Dead => Self::Dead,
            RowState::Cancelled => Self::Cancelled,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    id: Uuid,
    /// Such as `report`.
    kind: String,
    state: State,
    /// Percent.
    progress: i64,
    attempts: i64,
    max_attempts: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// What came of it, once it has succeeded.
    result: Option<Value>,
    /// Why the last attempt failed.
    error: Option<String>,
}

impl From<Row> for Job {
    fn from(row: Row) -> Self {
        let shown = time::rfc3339_of_millis;
        Self {
            id: row.id,
            kind: row.kind,
            state: row.state.into(),
            progress: row.progress,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            created_at: shown(row.created_at),
            started_at: row.started_at.map(shown),
            finished_at: row.finished_at.map(shown),
            result: row.result.and_then(|json| serde_json::from_str(&json).ok()),
            error: row.last_error,
        }
    }
}

/// Read a job
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = Job, headers(("Retry-After"))),
        (status = 404, body = Problem),
    ),
    security(("bearer" = ["jobs:read"])),
)]
pub fn get(mut context: Context, Id(id): Id) -> Result<Response, Problem> {
    let row = find(&mut context, id)?;
    if row.state.is_end() {
        return Ok(Json(Job::from(row)).into_response());
    }
    Ok(([(header::RETRY_AFTER, ASK_AGAIN)], Json(Job::from(row))).into_response())
}

/// Watch a job
///
/// Each change is an event `job`; the stream ends with the job. With `Last-Event-ID` it goes on after that one.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "jobs",
    params(("id" = Uuid, Path), ("Last-Event-ID" = Option<i64>, Header)),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = 204, description = "It has ended, and the last event was seen"),
        (status = 404, body = Problem),
    ),
    security(("bearer" = ["jobs:read"])),
)]
pub fn watch(
    mut context: Context,
    Id(id): Id,
    Given(app): Given<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = find(&mut context, id)?;
    // An id that is still to come is of another job.
    let seen = Some(events::last_seen(&headers)).filter(|seen| *seen <= row.version);
    let seen = seen.unwrap_or_default();
    if row.state.is_end() && row.version <= seen {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let source = Source::new(move |events| follow(context, row, seen, events));
    Ok(source.response(&app, Duration::ZERO))
}

fn follow(
    mut context: Context,
    mut row: Row,
    mut seen: i64,
    events: Events,
) -> Result<(), Problem> {
    let begun = Instant::now();
    while begun.elapsed() < LONGEST {
        let (id, version, is_end) = (row.id, row.version, row.state.is_end());
        if version > seen {
            events.send(Event::json("job", &Job::from(row)).id(version));
            seen = version;
        }
        if is_end {
            break;
        }
        sleep(LOOK);
        context = context.until(Deadline::after(PATIENCE));
        let found = find(&mut context, id);
        row = found.map_err(|problem| problem.instance(context.request_id()))?;
    }
    Ok(())
}

/// Cancel a job
///
/// One that is queued is cancelled at once; one that runs is told, and ends soon after.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = Job, description = "It is cancelled"),
        (status = 202, body = Job, description = "It runs, and is told to end"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It has ended already"),
    ),
    security(("bearer" = ["jobs:write"])),
)]
pub fn cancel(mut context: Context, Id(id): Id) -> Result<Response, Problem> {
    let tenant = context.caller().tenant.clone();
    let mut transaction = context.begin()?;
    let is_new = desk::cancel(&mut transaction, &tenant, id)?;
    let row = desk::find(&mut transaction, &tenant, id)?;
    let has_ended = is_new && row.as_ref().is_some_and(|row| row.state.is_end());
    let is_told = has_ended && wait(webhooks::ended(&mut transaction, id))?;
    transaction.commit()?;
    if is_told {
        context.app().news.publish(Kind::Webhook);
    }
    let row = row.ok_or_else(Problem::not_found)?;
    match row.state {
        RowState::Cancelled => Ok(Json(Job::from(row)).into_response()),
        RowState::Succeeded | RowState::Dead => Err(Problem::conflict(
            "job-ended",
            format!("the job is {} already", row.state.name()),
        )),
        RowState::Queued | RowState::Running => {
            Ok((StatusCode::ACCEPTED, Json(Job::from(row))).into_response())
        }
    }
}

fn find(context: &mut Context, id: Uuid) -> Result<Row, Problem> {
    let tenant = context.caller().tenant.clone();
    let row = desk::find(&mut *context.read()?, &tenant, id)?;
    row.ok_or_else(Problem::not_found)
}
