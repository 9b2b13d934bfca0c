//! Answers with a key, as their readers see them: made once, to the end, and read from the database by any instance,
//! from any event on, while they are made and afterwards.

use std::time::{Duration, Instant};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Question, is_end};
use crate::{
    app::{
        context::Context,
        idempotency::{self, Named, Standing},
        parameters::Id,
        time,
    },
    data::{
        answers::{self as rows, Answer as Row, State as RowState, Stored},
        idempotency::Fingerprint,
    },
    edge::{
        deadline::Deadline,
        events::{self, Event, Events, Source},
        problem::Problem,
    },
    jobs::answers::{self, News},
};

/// When a client that polls should ask again, in seconds.
const ASK_AGAIN: &str = "1";

/// Events that are read at once.
const PAGE: u32 = 256;

/// The longest wait for one look.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a reader of a silent answer looks whether anybody makes it still.
const LOOK: Duration = Duration::from_secs(1);

/// What is left of a request's time when it is answered that the answer takes longer.
const LAST_WORD: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AnswerState)]
pub enum State {
    Running,
    Succeeded,
    Failed,
}

impl From<RowState> for State {
    fn from(state: RowState) -> Self {
        match state {
            RowState::Running => Self::Running,
            RowState::Succeeded => Self::Succeeded,
            RowState::Failed => Self::Failed,
        }
    }
}

/// An answer that is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct DurableAnswer {
    id: Uuid,
    state: State,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// The answer, once it has succeeded.
    answer: Option<Value>,
    /// The problem that it failed with.
    error: Option<Value>,
}

impl From<Row> for DurableAnswer {
    fn from(row: Row) -> Self {
        let shown = |millis: i64| time::rfc3339(millis.saturating_mul(1_000));
        let result = row.result.and_then(|json| serde_json::from_str(&json).ok());
        let (answer, error) = match row.state {
            RowState::Failed => (None, result),
            RowState::Running | RowState::Succeeded => (result, None),
        };
        Self {
            id: row.id,
            state: row.state.into(),
            created_at: shown(row.created_at),
            finished_at: row.finished_at.map(shown),
            answer,
            error,
        }
    }
}

/// What is kept for the key.
#[derive(Serialize, Deserialize)]
struct Created {
    id: Uuid,
    state: State,
}

/// The answer to a request that has begun one.
pub fn created(id: Uuid) -> Result<idempotency::Answer, Problem> {
    let state = State::Running;
    let answer = idempotency::Answer::json(StatusCode::CREATED, &Created { id, state })?;
    Ok(answer.header(header::LOCATION, path(id)))
}

fn path(id: Uuid) -> String {
    format!("/v1/answers/{id}")
}

/// Why an answer ended before it was whole, though nothing was wrong with it: whoever made it was `stopped`, or
/// `died`.
pub fn interrupted(how: &str) -> Problem {
    Problem::overloaded("answer-interrupted", Duration::from_secs(1)).detail(format!(
        "the process that made it {how}: ask again, with a new key"
    ))
}

/// Begins the answer that the key stands for, or finds it, and reads it to its end.
pub async fn create(
    mut context: Context,
    key: Named,
    fingerprint: Fingerprint,
    question: Question,
    is_streamed: bool,
) -> Result<Response, Problem> {
    let (id, origin) = match idempotency::claim(&mut context, &key, &fingerprint).await? {
        Standing::Ours(claimed) => (answers::begin(&context, claimed, question).await?, None),
        Standing::Answered(replay) => {
            // The same key may have been used for an answer in the background.
            let Ok(Created { id, .. }) = replay.answer.value() else {
                return Ok(replay.into_response());
            };
            (id, Some(replay.origin))
        }
    };
    let read = if is_streamed {
        streamed(context, id, 0).await
    } else {
        whole(context, id).await
    };
    // Also where it has failed: it is there.
    let mut response = read.into_response();
    if let Ok(location) = path(id).try_into() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if let Some(origin) = origin {
        origin.mark(&mut response);
    }
    Ok(response)
}

/// Waits for its end; where it takes longer than this request may, says so.
async fn whole(mut context: Context, id: Uuid) -> Result<Response, Problem> {
    let journal = context.app().journal.clone();
    loop {
        // Before the look: news of what comes between must not be lost.
        let mut news = journal.listen(id);
        let row = find(&mut context, id).await?;
        let left = context.deadline().remaining().saturating_sub(LAST_WORD);
        match row.state {
            RowState::Running if left.is_zero() => {
                let answer = Json(DurableAnswer::from(row));
                let again = [(header::RETRY_AFTER, ASK_AGAIN)];
                return Ok((StatusCode::ACCEPTED, again, answer).into_response());
            }
            RowState::Running => news.end(left).await,
            RowState::Succeeded => {
                let answer = Json(DurableAnswer::from(row));
                return Ok((StatusCode::CREATED, answer).into_response());
            }
            RowState::Failed => return Err(problem_of(&row)),
        }
    }
}

fn problem_of(row: &Row) -> Problem {
    let problem = row.result.as_deref().map(serde_json::from_str);
    match problem {
        Some(Ok(problem)) => problem,
        _ => Problem::internal(&"the problem of an answer cannot be read back"),
    }
}

/// Read an answer
#[utoipa::path(
    get, path = "/v1/answers/{id}", tag = "answers",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = DurableAnswer, headers(("Retry-After"))),
        (status = 404, body = Problem),
    ),
    security(("bearer" = ["answers:read"])),
)]
pub async fn get(mut context: Context, Id(id): Id) -> Result<Response, Problem> {
    let row = find(&mut context, id).await?;
    let is_running = row.state == RowState::Running;
    let answer = Json(DurableAnswer::from(row));
    if is_running {
        return Ok(([(header::RETRY_AFTER, ASK_AGAIN)], answer).into_response());
    }
    Ok(answer.into_response())
}

/// Read an answer event by event
///
/// While it is made, and afterwards. With `Last-Event-ID` it goes on after that one. The last event is `done` or
/// `error`.
#[utoipa::path(
    get, path = "/v1/answers/{id}/events", tag = "answers",
    params(("id" = Uuid, Path), ("Last-Event-ID" = Option<i64>, Header)),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = 204, description = "It has ended, and the last event was seen"),
        (status = 404, body = Problem),
        (status = 410, body = Problem, description = "Its events are not kept any more, or never had this id; the answer itself still is"),
    ),
    security(("bearer" = ["answers:read"])),
)]
pub async fn watch(context: Context, Id(id): Id, headers: HeaderMap) -> Result<Response, Problem> {
    streamed(context, id, events::last_seen(&headers)).await
}

/// The events after the one with this number.
async fn streamed(mut context: Context, id: Uuid, seen: i64) -> Result<Response, Problem> {
    let row = find(&mut context, id).await?;
    let has_ended = row.state != RowState::Running;
    if has_ended || seen > 0 {
        let span = rows::span(&mut *context.read().await?, id).await?;
        let (first, last) = span.ok_or_else(|| gone(id))?;
        if seen > last || seen + 1 < first {
            return Err(gone(id));
        }
        if has_ended && seen == last {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    let app = context.app().clone();
    let source = Source::new(move |events| follow(context, id, seen, events));
    Ok(source.response(&app, Duration::ZERO))
}

/// No event was ever told that is not there, or was there once: nobody can go on after one that is not.
fn gone(id: Uuid) -> Problem {
    let answer = path(id);
    Problem::new(StatusCode::GONE, "answer-events-expired").detail(format!(
        "there is nothing to go on from, for its events are not kept for long; read the answer itself: GET {answer}"
    ))
}

async fn follow(
    mut context: Context,
    id: Uuid,
    mut seen: i64,
    events: Events,
) -> Result<(), Problem> {
    // Before the first look: what is written down meanwhile must not be missed.
    let mut news = context.app().journal.listen(id);
    let (mut moved, mut has_ended) = (Instant::now(), false);
    loop {
        context = context.until(Deadline::after(PATIENCE));
        // In a box: a future has room for everything that it ever waits for, and most of its time a reader waits for news.
        let page = Box::pin(look(&mut context, id, seen)).await?;
        if has_ended && page.is_empty() {
            return Ok(());
        }
        let is_all = page.len() < PAGE as usize;
        for event in page {
            (seen, moved) = (event.number, Instant::now());
            if tell(event, &events).await {
                return Ok(());
            }
        }
        if moved.elapsed() > LOOK {
            moved = Instant::now();
            has_ended = Box::pin(find(&mut context, id)).await?.state != RowState::Running;
        }
        if is_all && !has_ended {
            let last = relay(&mut news, seen, &events).await;
            if last > seen {
                (seen, moved) = (last, Instant::now());
            }
        }
    }
}

/// The next events after the one with this number.
async fn look(context: &mut Context, id: Uuid, seen: i64) -> Result<Vec<Stored>, Problem> {
    let mut connection = context.read().await?;
    Ok(rows::events(&mut connection, id, seen, PAGE).await?)
}

/// Tells what this process writes down, until it is time to look into the database. The last event that was told.
async fn relay(news: &mut News, mut seen: i64, events: &Events) -> i64 {
    while let Some(batch) = news.next(LOOK).await {
        for event in batch.iter() {
            // Others were found by the look before.
            if event.number > seen {
                seen = event.number;
                tell(event.clone(), events).await;
            }
        }
    }
    seen
}

/// Whether it was the last.
async fn tell(event: Stored, events: &Events) -> bool {
    let is_last = is_end(&event.name);
    let told = Event::again(event.name, event.data).id(event.number);
    events.send(told).await;
    is_last
}

/// The answer's row. One that nobody makes any more has ended with this look.
async fn find(context: &mut Context, id: Uuid) -> Result<Row, Problem> {
    let tenant = context.caller().tenant.clone();
    let row = rows::find(&mut *context.read().await?, &tenant, id).await?;
    match row {
        Some(row) if row.is_orphan() => give_up(context, id).await,
        row => row.ok_or_else(Problem::not_found),
    }
}

async fn give_up(context: &mut Context, id: Uuid) -> Result<Row, Problem> {
    let tenant = context.caller().tenant.clone();
    let mut transaction = context.begin().await?;
    rows::give_up(&mut transaction, id, &death()?).await?;
    let row = rows::find(&mut transaction, &tenant, id).await?;
    transaction.commit().await?;
    row.ok_or_else(Problem::not_found)
}

/// The same for up to `limit` of all that nobody has read since.
pub async fn give_up_orphans(context: &mut Context, limit: u32) -> Result<(), Problem> {
    let orphans = rows::orphans(&mut *context.read().await?, limit).await?;
    for id in orphans {
        let mut transaction = context.begin().await?;
        rows::give_up(&mut transaction, id, &death()?).await?;
        transaction.commit().await?;
    }
    Ok(())
}

fn death() -> Result<String, Problem> {
    serde_json::to_string(&interrupted("died")).map_err(|error| Problem::internal(&error))
}
