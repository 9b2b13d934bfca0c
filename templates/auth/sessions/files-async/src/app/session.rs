//! A user's session: how it begins, what it is, and how it ends.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    auth::{self, Begun, Carrier, Presented, Purpose, Session as Found, password},
    body::{Body, Fields, FromFields},
    caller::{Anonymous, Caller},
    context::{Context, Public},
    state::App,
    time,
};
use crate::{
    config::Secret,
    data::users::{self as rows, User},
    edge::{client_address::ClientAddress, problem::Problem},
    external::resilience,
};

/// When it is worth asking again where Redis does not answer.
const SOON: Duration = Duration::from_secs(1);

pub(crate) const LONGEST_NAME: usize = 255;

/// Who wants to log in.
// It has no `Debug`: what cannot be printed is not.
#[derive(ToSchema)]
pub struct Login {
    /// Capital letters are as good as small ones.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    #[schema(min_length = 1, max_length = 256, format = Password)]
    password: String,
    /// How the session's id is handed over: `cookie`, for browsers and unless told, or `bearer`, in the answer.
    #[schema(value_type = Option<Carrier>)]
    carrier: Option<String>,
}

impl FromFields for Login {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            name: fields.text("name", 1, LONGEST_NAME),
            password: fields.text("password", 1, password::LONGEST),
            carrier: fields.optional_text("carrier", 1, 6),
        }
    }
}

/// The password that is there, and the one in its place.
#[derive(ToSchema)]
pub struct PasswordChange {
    #[schema(min_length = 1, max_length = 256, format = Password)]
    password: String,
    #[schema(min_length = 15, max_length = 256, format = Password)]
    new_password: String,
}

impl FromFields for PasswordChange {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            password: fields.text("password", 1, password::LONGEST),
            new_password: fields.text("new_password", password::SHORTEST, password::LONGEST),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Session {
    subject: String,
    /// Whose data it sees.
    tenant: String,
    /// What it may do.
    scopes: Vec<String>,
    /// Then it ends, however much it is used.
    #[schema(format = DateTime)]
    ends_at: String,
    /// What to send as a bearer token; only in the answer that hands it over, and not where a cookie does.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl Session {
    fn new(found: Found, token: Option<String>) -> Self {
        let Found { caller, ends_at } = found;
        Self {
            subject: caller.subject,
            tenant: caller.tenant,
            scopes: caller.scopes.iter().cloned().collect(),
            ends_at: time::rfc3339_of_millis(ends_at),
            token,
        }
    }
}

/// Log in
///
/// The session's id is a new one each time, and the session that the request came with, if any, ends.
#[utoipa::path(
    post, path = "/v1/session", tag = "session",
    request_body = Login,
    responses(
        (status = 201, body = Session),
        (status = 401, body = Problem, description = "There is no such user, or this is not the password"),
        (status = 403, body = Problem, description = "A page of another origin asks for a cookie"),
        (status = 422, body = Problem),
        (status = 429, body = Problem, description = "Somebody has tried too often", headers(("Retry-After"))),
        (status = 503, body = Problem, description = "No session can be begun now", headers(("Retry-After"))),
    ),
    security(()),
)]
pub async fn begin(
    Public(mut context): Public,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
    body: Body<Login>,
) -> Result<Response, Problem> {
    let Login {
        name,
        password: given,
        carrier,
    } = body.value;
    let carrier = Carrier::parse(carrier.as_deref());
    let carrier = carrier
        .ok_or_else(|| Problem::invalid_field("/carrier", "must be `cookie` or `bearer`"))?;
    if carrier == Carrier::Cookie && auth::is_foreign(&headers) {
        return Err(foreign());
    }
    let name = name.to_lowercase();
    let purpose = Purpose::Login(&name);
    admit(&context, purpose, address).await?;
    let user = user_with(&mut context, &name, given).await;
    let user = judged(&context, purpose, address, user).await?;
    let user = user.filter(|user| user.disabled_at.is_none());
    let user = user.ok_or_else(refused)?;
    let begun = open(&mut context, &user).await?;
    let app = context.app();
    // Not before: who is given no other session keeps this one.
    if let Ok(before) = Presented::counting(&Method::POST, &headers) {
        let ended = app.authenticator.end(&before.id).await;
        ended.map_err(unavailable)?;
    }
    app.authenticator.forget_attempts(purpose, address.0).await;
    Ok(handed_over(StatusCode::CREATED, carrier, begun))
}

/// Read the session
#[utoipa::path(
    get, path = "/v1/session", tag = "session",
    responses((status = 200, body = Session)),
    security(("bearer" = [])),
)]
pub async fn get(State(app): State<App>, presented: Presented) -> Result<Json<Session>, Problem> {
    let found = app.authenticator.find(&presented.id).await;
    let found = found.map_err(unavailable)?;
    let found = found.ok_or_else(over)?;
    Ok(Json(Session::new(found, None)))
}

/// Log out
#[utoipa::path(
    delete, path = "/v1/session", tag = "session",
    responses(
        (status = 204),
        (status = 503, body = Problem, description = "The session cannot be ended now", headers(("Retry-After"))),
    ),
    security(("bearer" = [])),
)]
pub async fn end(State(app): State<App>, presented: Presented) -> Result<Response, Problem> {
    let ended = app.authenticator.end(&presented.id).await;
    ended.map_err(unavailable)?;
    let cookie = presented.carrier.no_cookie();
    Ok(with_cookie(StatusCode::NO_CONTENT, cookie))
}

/// Log out everywhere
///
/// All sessions of the user end, on whatever device.
#[utoipa::path(
    delete, path = "/v1/sessions", tag = "session",
    responses(
        (status = 204),
        (status = 503, body = Problem, description = "The sessions cannot be ended now", headers(("Retry-After"))),
    ),
    security(("bearer" = [])),
)]
pub async fn end_all(State(app): State<App>, presented: Presented) -> Result<Response, Problem> {
    let ended = app.authenticator.end_all(presented.id.owner()).await;
    ended.map_err(unavailable)?;
    let cookie = presented.carrier.no_cookie();
    Ok(with_cookie(StatusCode::NO_CONTENT, cookie))
}

/// Change the password
///
/// All sessions of the user end, and this one goes on under a new id.
#[utoipa::path(
    put, path = "/v1/session/password", tag = "session",
    request_body = PasswordChange,
    responses(
        (status = 200, body = Session),
        (status = 403, body = Problem, description = "This is not the password"),
        (status = 409, body = Problem, description = "Something else of the user was changed at the same time; its sessions have ended"),
        (status = 422, body = Problem),
        (status = 429, body = Problem, description = "Somebody has tried too often", headers(("Retry-After"))),
        (status = 503, body = Problem, description = "Sessions cannot be ended or begun now", headers(("Retry-After"))),
    ),
    security(("bearer" = [])),
)]
pub async fn change_password(
    mut context: Context,
    Extension(address): Extension<ClientAddress>,
    presented: Presented,
    body: Body<PasswordChange>,
) -> Result<Response, Problem> {
    let PasswordChange {
        password: given,
        new_password,
    } = body.value;
    let owner = presented.id.owner();
    let user = rows::find(&mut *context.read().await?, owner).await?;
    // Whoever has found a session that was left open must not guess on.
    let purpose = Purpose::Change(owner);
    admit(&context, purpose, address).await?;
    let is_user = is_password(&context, given, user.as_ref()).await;
    let is_user = judged(&context, purpose, address, is_user).await?;
    let user = user.filter(|_| is_user).ok_or_else(wrong_password)?;
    if user.disabled_at.is_some() {
        return Err(over());
    }
    let hash = context
        .compute(move || password::hash(&new_password))
        .await?;
    let hash = hash.map_err(|error| Problem::internal(&error))?;
    let app = context.app().clone();
    // Before the change too: where Redis is gone, nothing is changed yet.
    let ended = app.authenticator.end_all(owner).await;
    ended.map_err(unavailable)?;
    if !rows::set_password(&mut *context.write().await?, &user, &hash).await? {
        return Err(Problem::conflict(
            "user-changed",
            "something else of the user was changed at the same time: log in and ask again",
        ));
    }
    let begun = renew(&mut context, owner, &hash).await;
    let begun = begun.map_err(half_done)?;
    app.authenticator.forget_attempts(purpose, address.0).await;
    Ok(handed_over(StatusCode::OK, presented.carrier, begun))
}

/// What follows a change of the password: the sessions that there are end, and another one begins, unless somebody else has
/// changed it since.
async fn renew(context: &mut Context, owner: Uuid, hash: &Secret) -> Result<Begun, Problem> {
    let app = context.app().clone();
    let ended = app.authenticator.end_all(owner).await;
    ended.map_err(unavailable)?;
    let user = rows::find(&mut *context.read().await?, owner).await?;
    let user = user.filter(|user| user.password == *hash);
    let user = user.ok_or_else(over)?;
    open(context, &user).await
}

/// Counts an attempt, and refuses it where there were too many.
async fn admit(
    context: &Context,
    purpose: Purpose<'_>,
    address: ClientAddress,
) -> Result<(), Problem> {
    let app = context.app();
    let wait = app.authenticator.attempt(purpose, address.0).await;
    match wait.map_err(unavailable)? {
        Some(wait) => Err(
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts")
                .detail("somebody has tried to log in too often")
                .retry_after(wait),
        ),
        None => Ok(()),
    }
}

/// What came of an attempt. Where that is an error nobody has said whether it was the password: whoever was kept waiting by an
/// outage must not be kept out after it.
async fn judged<T>(
    context: &Context,
    purpose: Purpose<'_>,
    address: ClientAddress,
    outcome: Result<T, Problem>,
) -> Result<T, Problem> {
    if outcome.is_err() {
        let app = context.app();
        app.authenticator
            .take_back_attempt(purpose, address.0)
            .await;
    }
    outcome
}

/// The user of this name, if this is the password.
async fn user_with(
    context: &mut Context,
    name: &str,
    given: String,
) -> Result<Option<User>, Problem> {
    let user = rows::find_by_name(&mut *context.read().await?, name).await?;
    let is_user = is_password(context, given, user.as_ref()).await?;
    Ok(user.filter(|_| is_user))
}

/// Takes as long where there is no such user.
async fn is_password(
    context: &Context,
    given: String,
    user: Option<&User>,
) -> Result<bool, Problem> {
    let hash = user.map(|user| user.password.clone());
    context
        .compute(move || password::verify(&given, hash.as_ref()))
        .await
}

/// A session of the user as it is in its row. Who changes a user ends its sessions after that, so one that begins meanwhile
/// is found out by one of the two.
async fn open(context: &mut Context, user: &User) -> Result<Begun, Problem> {
    let scopes = user.scopes.split_whitespace().map(str::to_owned);
    let caller = Caller {
        subject: user.id.to_string(),
        tenant: user.tenant.clone(),
        scopes: Arc::new(scopes.collect()),
    };
    let app = context.app().clone();
    let begun = app.authenticator.begin(user.id, &caller).await;
    let begun = begun.map_err(unavailable)?;
    let now = rows::find(&mut *context.read().await?, user.id).await?;
    if now.as_ref() != Some(user) || user.disabled_at.is_some() {
        let ended = app.authenticator.end(&begun.id).await;
        ended.map_err(unavailable)?;
        return Err(refused());
    }
    Ok(begun)
}

fn handed_over(status: StatusCode, carrier: Carrier, begun: Begun) -> Response {
    let Begun { id, session } = begun;
    let cookie = carrier.cookie(&id);
    let token = cookie.is_none().then(|| id.expose().to_owned());
    with_cookie((status, Json(Session::new(session, token))), cookie)
}

fn with_cookie(answer: impl IntoResponse, cookie: Option<String>) -> Response {
    match cookie {
        Some(cookie) => ([(header::SET_COOKIE, cookie)], answer).into_response(),
        None => answer.into_response(),
    }
}

/// One answer for all that can be wrong: whether there is such a user is nobody's business.
fn refused() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid-login")
        .detail("there is no such user, or this is not the password")
        .challenge(auth::challenge(Anonymous::Missing))
}

/// The session was there when the request came, and is not any more.
fn over() -> Problem {
    const WHY: &str = "the session has ended";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid-credential")
        .detail(WHY)
        .challenge(auth::challenge(Anonymous::Invalid(WHY)))
}

fn wrong_password() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "wrong-password").detail("this is not the password")
}

fn foreign() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "foreign-origin")
        .detail("a cookie is given to pages of this service's own origin only")
}

/// The password is another one, and what follows on that was not done.
fn half_done(problem: Problem) -> Problem {
    problem.detail(
        "the password is changed, but sessions may be left and none is begun: log in with it, and log out everywhere",
    )
}

fn unavailable(error: resilience::Error) -> Problem {
    Problem::overloaded(auth::UNAVAILABLE, error.wait().unwrap_or(SOON))
        .detail("sessions cannot be reached now")
}
