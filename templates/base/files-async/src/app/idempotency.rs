//! `Idempotency-Key`: a request that is sent again is not done again.
//!
//! The claim on a key commits first and alone. The effect, the stored answer and the completion of the
//! claim commit together, guarded by the claim's token; so the handler's transaction must return the answer
//! that is stored, and no layer outside it could do this. A request that dies in between frees its key when
//! its lease ends.
//!
//! Which answers are kept: success, and refusals that would be the same again. What another try may mend
//! (401, 403, 408, 409, 425, 429, 5xx) gives the key back.

use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use ring::digest::{SHA256, digest};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{caller::Caller, context::Context, state::App};
use crate::{
    data::{
        connection::Transaction,
        idempotency::{self as keys, Claim, Existing, Fingerprint, Scope},
    },
    edge::problem::Problem,
};

pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const ORIGINAL: HeaderName = HeaderName::from_static("original-request-id");

const LONGEST_KEY: usize = 255;

/// A key's claim that was taken over before its work was done.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The request's key, if it has one.
pub struct Key(pub Option<Named>);

/// A key, with the method and the concrete path that it is good for.
pub struct Named {
    key: String,
    method: Method,
    path: String,
}

impl FromRequestParts<App> for Key {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Response> {
        let Some(value) = parts.headers.get(HEADER) else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().map(unquoted).filter(|key| {
            (1..=LONGEST_KEY).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_graphic())
        });
        match key {
            Some(key) => {
                let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
                Ok(Self(Some(Named {
                    key: key.to_owned(),
                    method,
                    path,
                })))
            }
            None => Err(
                Problem::new(StatusCode::BAD_REQUEST, "idempotency-key-malformed")
                    .detail("Idempotency-Key must be 1 to 255 visible ASCII characters")
                    .into_response(),
            ),
        }
    }
}

impl Key {
    /// For work that must not be begun twice by accident.
    pub fn required(self) -> Result<Self, Problem> {
        if self.0.is_some() {
            return Ok(self);
        }
        Err(
            Problem::new(StatusCode::BAD_REQUEST, "idempotency-key-required")
                .detail("send an Idempotency-Key, a new one for each new request"),
        )
    }
}

/// The IETF draft writes the key as a quoted string; most clients do not.
fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text)
}

/// An answer that can be stored and given again byte for byte.
#[derive(Clone, Debug)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(|error| Problem::internal(&error))?;
        let headers = vec![(
            header::CONTENT_TYPE.to_string(),
            "application/json".to_owned(),
        )];
        Ok(Self {
            status,
            headers,
            body,
        })
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name.to_string(), value.into()));
        self
    }

    /// The value whose JSON it is.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| Problem::internal(&error))
    }

    fn of_problem(problem: &Problem) -> Result<Self, Problem> {
        let body = serde_json::to_vec(problem).map_err(|error| Problem::internal(&error))?;
        let headers = vec![(
            header::CONTENT_TYPE.to_string(),
            "application/problem+json".to_owned(),
        )];
        Ok(Self {
            status: problem.status(),
            headers,
            body,
        })
    }

    fn of_existing(existing: Existing) -> Option<Self> {
        let status = u16::try_from(existing.status?).ok()?;
        Some(Self {
            status: StatusCode::from_u16(status).ok()?,
            headers: serde_json::from_str(&existing.headers?).ok()?,
            body: existing.body?,
        })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let headers: HeaderMap = self
            .headers
            .into_iter()
            .filter_map(|(name, value)| {
                Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?))
            })
            .collect();
        (self.status, headers, self.body).into_response()
    }
}

/// Runs `work` in a transaction, once for all requests with this key; without a key, simply runs it.
pub async fn once<F>(
    context: &mut Context,
    key: Key,
    fingerprint: Fingerprint,
    work: F,
) -> Result<Response, Problem>
where
    F: AsyncFnOnce(&mut Transaction<'_>) -> Result<Answer, Problem>,
{
    let Some(named) = key.0 else {
        let mut transaction = context.begin().await?;
        let answer = work(&mut transaction).await?;
        transaction.commit().await?;
        return Ok(answer.into_response());
    };
    let claimed = match claim(context, &named, &fingerprint).await? {
        Standing::Ours(claimed) => claimed,
        Standing::Answered(replay) => return Ok(replay.into_response()),
    };
    match run(context, &claimed, work).await {
        Ok(answer) => Ok(answer.into_response()),
        Err(problem) => Err(claimed.refuse(context, problem).await),
    }
}

/// Whose a key is.
pub enum Standing {
    /// This request's, until its lease ends.
    Ours(Claimed),
    /// It was used with this very request, and answered.
    Answered(Replay),
}

/// A key that this request holds. Its work is done once `complete` commits together with its effect, or has had
/// none and goes on to `refuse`.
#[must_use]
pub struct Claimed {
    scope: Scope,
    token: Uuid,
}

/// An answer that was given before.
pub struct Replay {
    pub answer: Answer,
    pub origin: Origin,
}

/// The request that was answered first.
pub struct Origin(Option<HeaderValue>);

impl Origin {
    /// Says of a response that it tells again what that request was told.
    pub fn mark(self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
        headers.extend(self.0.map(|id| (ORIGINAL, id)));
    }
}

impl IntoResponse for Replay {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        self.origin.mark(&mut response);
        response
    }
}

/// Takes the key, or says what became of the request that has it.
pub async fn claim(
    context: &mut Context,
    named: &Named,
    fingerprint: &Fingerprint,
) -> Result<Standing, Problem> {
    let claimed = Claimed {
        scope: scope(context.caller(), named),
        token: Uuid::now_v7(),
    };
    let config = context.config().idempotency.clone();
    let request_id = context.request_id().0.clone();
    let (lease, retention) = (config.lease, config.retention);
    let claim = Claim {
        scope: &claimed.scope,
        fingerprint,
        token: claimed.token,
        request_id: &request_id,
        lease,
        retention,
    };
    let mut connection = context.write().await?;
    if keys::claim(&mut connection, &claim).await? {
        return Ok(Standing::Ours(claimed));
    }
    match keys::find(&mut connection, &claimed.scope).await? {
        Some(existing) => replay(existing, fingerprint).map(Standing::Answered),
        // Released between the two statements: worth another try at once.
        None => Err(still_running(RETRY_AFTER)),
    }
}

fn replay(existing: Existing, fingerprint: &Fingerprint) -> Result<Replay, Problem> {
    if existing.fingerprint != fingerprint {
        return Err(
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused")
                .detail("this key was used with another request: use a new one"),
        );
    }
    if existing.status.is_none() {
        let left = u64::try_from(existing.lease_left).unwrap_or_default();
        return Err(still_running(RETRY_AFTER.min(Duration::from_millis(left))));
    }
    let origin = Origin(HeaderValue::from_str(&existing.request_id).ok());
    let answer = Answer::of_existing(existing)
        .ok_or_else(|| Problem::internal(&"a stored answer cannot be read back"))?;
    Ok(Replay { answer, origin })
}

fn still_running(retry_after: Duration) -> Problem {
    Problem::conflict(
        "idempotency-key-in-use",
        "a request with this key is still running",
    )
    .retry_after(retry_after)
}

/// Effect, answer and completion in one commit.
async fn run<F>(context: &mut Context, claimed: &Claimed, work: F) -> Result<Answer, Problem>
where
    F: AsyncFnOnce(&mut Transaction<'_>) -> Result<Answer, Problem>,
{
    let mut transaction = context.begin().await?;
    let answer = work(&mut transaction).await?;
    claimed.complete(&mut transaction, &answer).await?;
    transaction.commit().await?;
    Ok(answer)
}

impl Claimed {
    /// Stores the answer, in the transaction of its effect.
    pub async fn complete(
        &self,
        transaction: &mut Transaction<'_>,
        answer: &Answer,
    ) -> Result<(), Problem> {
        let headers =
            serde_json::to_string(&answer.headers).map_err(|error| Problem::internal(&error))?;
        let stored = keys::Answer {
            status: answer.status.as_u16(),
            headers: &headers,
            body: &answer.body,
        };
        if keys::complete(transaction, &self.scope, self.token, &stored).await? {
            Ok(())
        } else {
            Err(still_running(RETRY_AFTER))
        }
    }

    /// Keeps a refusal that would be the same again; where another try may mend it, gives the key back. What the
    /// request is answered.
    pub async fn refuse(self, context: &mut Context, problem: Problem) -> Problem {
        if !is_final(&problem) {
            // Should this fail too, the lease frees the key.
            if let Ok(mut connection) = context.write().await {
                keys::release(&mut connection, &self.scope, self.token)
                    .await
                    .ok();
            }
            return problem;
        }
        let problem = problem.instance(context.request_id());
        match self.keep(context, &problem).await {
            Ok(()) => problem,
            Err(failure) => failure,
        }
    }

    async fn keep(&self, context: &mut Context, problem: &Problem) -> Result<(), Problem> {
        let answer = Answer::of_problem(problem)?;
        let mut transaction = context.begin().await?;
        self.complete(&mut transaction, &answer).await?;
        Ok(transaction.commit().await?)
    }
}

fn is_final(problem: &Problem) -> bool {
    let status = problem.status();
    status.is_client_error() && !matches!(status.as_u16(), 401 | 403 | 408 | 409 | 425 | 429)
}

/// Caller, method, concrete path and key; lengths keep them apart.
fn scope(caller: &Caller, named: &Named) -> Scope {
    let parts = [
        &caller.tenant,
        &caller.subject,
        named.method.as_str(),
        &named.path,
        &named.key,
    ];
    let message: String = parts.map(|part| format!("{}:{part}", part.len())).concat();
    let mut scope = Scope::default();
    scope.copy_from_slice(digest(&SHA256, message.as_bytes()).as_ref());
    scope
}
