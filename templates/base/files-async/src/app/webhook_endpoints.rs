//! Where a tenant wants to be called back, and what came of it.

use std::time::Duration;

use axum::{Json, response::Response};
use http::{StatusCode, header};
use ring::error::Unspecified;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    body::{Body, Fields, FromFields},
    context::Context,
    idempotency::{self, Answer, Key},
    jobs::State,
    page::PageQuery,
    parameters::{Id, Query},
    time,
};
use crate::{
    data::{
        jobs::{State as JobState, rests},
        webhooks::{
            deliveries::{self, Delivery as DeliveryRow},
            endpoints::{self as rows, Disabled as DisabledRow, Endpoint as Row},
        },
    },
    edge::problem::Problem,
    jobs::{Kind, webhooks::SigningSecret},
};

pub(super) const LONGEST_URL: usize = 2_000;

/// How long the secret before a rotation stays good.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// An endpoint to be.
#[derive(Debug, ToSchema)]
pub struct NewWebhookEndpoint {
    /// With https, and leading to an address that anybody may reach.
    #[schema(min_length = 1, max_length = 2_000, format = "uri")]
    url: String,
}

impl FromFields for NewWebhookEndpoint {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            url: fields.text("url", 1, LONGEST_URL),
        }
    }
}

/// `gone`: it answered 410. `failing`: for 5 days it has only failed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Disabled {
    Gone,
    Failing,
}

impl From<DisabledRow> for Disabled {
    fn from(disabled: DisabledRow) -> Self {
        match disabled {
            DisabledRow::Gone => Self::Gone,
            DisabledRow::Failing => Self::Failing,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookEndpoint {
    id: Uuid,
    url: String,
    /// Why it gets nothing, until it is enabled again.
    disabled: Option<Disabled>,
    /// Since when it has only failed.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// It failed several times one after the other, or asked for it: until then nothing is sent to it.
    #[schema(format = DateTime)]
    resting_until: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Row> for WebhookEndpoint {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            url: row.url,
            disabled: row.disabled.map(Disabled::from),
            failing_since: row.failing_since.map(time::rfc3339_of_millis),
            resting_until: row.resting_until.map(time::rfc3339_of_millis),
            created_at: time::rfc3339_of_millis(row.created_at),
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookEndpointPage {
    items: Vec<WebhookEndpoint>,
    /// Give it as `cursor` to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What the receiver verifies signatures with, as Standard Webhooks has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookSecret {
    /// Signs every delivery.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// The one before the last rotation signs too, until then.
    #[schema(format = DateTime)]
    previous_until: Option<String>,
}

/// A message to the endpoint; its id is that of `webhook-id` and of the job that delivers it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookDelivery {
    id: Uuid,
    /// Such as `report.finished`.
    #[serde(rename = "type")]
    event: String,
    url: String,
    state: State,
    attempts: i64,
    /// While it is queued.
    #[schema(format = DateTime)]
    next_attempt_at: Option<String>,
    /// Why the last attempt failed.
    error: Option<String>,
    #[schema(format = DateTime)]
    attempted_at: Option<String>,
    /// What the receiver answered last.
    status: Option<i64>,
    /// Its body, up to 20 kB.
    answer: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<DeliveryRow> for WebhookDelivery {
    fn from(row: DeliveryRow) -> Self {
        let next = (row.state == JobState::Queued).then_some(row.run_at);
        Self {
            id: row.id,
            event: row.event,
            url: row.url,
            state: row.state.into(),
            attempts: row.attempts,
            next_attempt_at: next.map(time::rfc3339_of_millis),
            error: row.last_error,
            attempted_at: row.attempted_at.map(time::rfc3339_of_millis),
            status: row.status,
            answer: row.answer,
            created_at: time::rfc3339_of_millis(row.created_at),
        }
    }
}

/// Whom to tell when it is done.
pub(super) struct Callback {
    pub(super) endpoint: Uuid,
    pub(super) url: String,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookDeliveryPage {
    items: Vec<WebhookDelivery>,
    /// Give it as `cursor` to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Add a webhook endpoint
///
/// It gets what a request names it for in `callback_url`, signed with its secret.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints", tag = "webhooks",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours")),
    request_body = NewWebhookEndpoint,
    responses(
        (status = 201, body = WebhookEndpoint, headers(("Location"))),
        (status = 409, body = Problem, description = "There is one with this URL, or a request with this key is still running"),
        (status = 422, body = Problem, description = "No webhook may go there, or the key was used with another request"),
    ),
    security(("bearer" = ["webhooks:write"])),
)]
pub async fn create(
    mut context: Context,
    key: Key,
    body: Body<NewWebhookEndpoint>,
) -> Result<Response, Problem> {
    let tenant = context.caller().tenant.clone();
    let url = context.app().guard.check(&body.value.url);
    let url = url.map_err(|reason| Problem::invalid_field("/url", reason))?;
    let id = Uuid::now_v7();
    let secret = new_secret(&context, id)?;
    idempotency::once(&mut context, key, body.fingerprint, async |transaction| {
        if !rows::insert(transaction, &tenant, id, url.as_str(), &secret).await? {
            return Err(Problem::conflict(
                "webhook-endpoint-exists",
                "there is an endpoint with this URL",
            ));
        }
        let row = rows::find(transaction, &tenant, id).await?;
        let row =
            row.ok_or_else(|| Problem::internal(&"an endpoint that was added is not there"))?;
        let answer = Answer::json(StatusCode::CREATED, &WebhookEndpoint::from(row))?;
        Ok(answer.header(header::LOCATION, format!("/v1/webhook-endpoints/{id}")))
    })
    .await
}

/// List webhook endpoints, oldest first
#[utoipa::path(
    get, path = "/v1/webhook-endpoints", tag = "webhooks",
    params(PageQuery),
    responses((status = 200, body = WebhookEndpointPage), (status = 400, body = Problem, description = "The cursor or the limit does not hold")),
    security(("bearer" = ["webhooks:read"])),
)]
pub async fn list(
    mut context: Context,
    Query(query): Query<PageQuery>,
) -> Result<Json<WebhookEndpointPage>, Problem> {
    let asked = query.read(&context)?;
    let tenant = context.caller().tenant.clone();
    let after = asked.last.unwrap_or(Uuid::nil());
    let mut page = rows::page(&mut *context.read().await?, &tenant, after, asked.rows).await?;
    let next = asked.cut(&context, &mut page, |row| row.id);
    Ok(Json(WebhookEndpointPage {
        items: page.into_iter().map(WebhookEndpoint::from).collect(),
        next,
    }))
}

/// Read a webhook endpoint
#[utoipa::path(
    get, path = "/v1/webhook-endpoints/{id}", tag = "webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = WebhookEndpoint), (status = 404, body = Problem)),
    security(("bearer" = ["webhooks:read"])),
)]
pub async fn get(mut context: Context, Id(id): Id) -> Result<Json<WebhookEndpoint>, Problem> {
    let tenant = context.caller().tenant.clone();
    let row = rows::find(&mut *context.read().await?, &tenant, id).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    Ok(Json(WebhookEndpoint::from(row)))
}

/// Delete a webhook endpoint
///
/// What is still to be delivered there is not.
#[utoipa::path(
    delete, path = "/v1/webhook-endpoints/{id}", tag = "webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = 404, body = Problem)),
    security(("bearer" = ["webhooks:write"])),
)]
pub async fn remove(mut context: Context, Id(id): Id) -> Result<StatusCode, Problem> {
    let tenant = context.caller().tenant.clone();
    if !rows::remove(&mut *context.write().await?, &tenant, id).await? {
        return Err(Problem::not_found());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Enable a webhook endpoint again
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/enable", tag = "webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = WebhookEndpoint), (status = 404, body = Problem)),
    security(("bearer" = ["webhooks:write"])),
)]
pub async fn enable(mut context: Context, Id(id): Id) -> Result<Json<WebhookEndpoint>, Problem> {
    let tenant = context.caller().tenant.clone();
    let mut transaction = context.begin().await?;
    if rows::enable(&mut transaction, &tenant, id).await? {
        rests::end(&mut transaction, Kind::Webhook.name(), id).await?;
    }
    let row = rows::find(&mut transaction, &tenant, id).await?;
    transaction.commit().await?;
    context.app().news.publish(Kind::Webhook);
    let row = row.ok_or_else(Problem::not_found)?;
    Ok(Json(WebhookEndpoint::from(row)))
}

/// Read the secret of a webhook endpoint
#[utoipa::path(
    get, path = "/v1/webhook-endpoints/{id}/secret", tag = "webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = WebhookSecret), (status = 404, body = Problem)),
    security(("bearer" = ["webhooks:write"])),
)]
pub async fn secret(mut context: Context, Id(id): Id) -> Result<Json<WebhookSecret>, Problem> {
    let tenant = context.caller().tenant.clone();
    let secrets = rows::secrets(&mut *context.read().await?, &tenant, id).await?;
    shown(&context, id, secrets)
}

/// Rotate the secret of a webhook endpoint
///
/// For 24 hours deliveries are signed with both, the new one and the one before; until then it is not rotated again,
/// so that a request that is sent twice takes no secret from the receiver.
#[utoipa::path(
    post, path = "/v1/webhook-endpoints/{id}/secret/rotate", tag = "webhooks",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = WebhookSecret),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "The secret before this one is still good"),
    ),
    security(("bearer" = ["webhooks:write"])),
)]
pub async fn rotate(mut context: Context, Id(id): Id) -> Result<Json<WebhookSecret>, Problem> {
    let tenant = context.caller().tenant.clone();
    let secret = new_secret(&context, id)?;
    let mut transaction = context.begin().await?;
    let is_rotated = rows::rotate(&mut transaction, &tenant, id, &secret, OVERLAP).await?;
    let secrets = rows::secrets(&mut transaction, &tenant, id).await?;
    transaction.commit().await?;
    if secrets.is_some() && !is_rotated {
        return Err(Problem::conflict(
            "webhook-secret-rotated",
            "the secret before this one is still good: read the new one, or wait until previous_until",
        ));
    }
    shown(&context, id, secrets)
}

/// List the deliveries to a webhook endpoint, newest first
#[utoipa::path(
    get, path = "/v1/webhook-endpoints/{id}/deliveries", tag = "webhooks",
    params(("id" = Uuid, Path), PageQuery),
    responses(
        (status = 200, body = WebhookDeliveryPage),
        (status = 400, body = Problem, description = "The cursor or the limit does not hold"),
        (status = 404, body = Problem),
    ),
    security(("bearer" = ["webhooks:read"])),
)]
pub async fn list_deliveries(
    mut context: Context,
    Id(id): Id,
    Query(query): Query<PageQuery>,
) -> Result<Json<WebhookDeliveryPage>, Problem> {
    let asked = query.read(&context)?;
    let tenant = context.caller().tenant.clone();
    let before = asked.last.unwrap_or(Uuid::max());
    let mut connection = context.read().await?;
    let endpoint = rows::find(&mut connection, &tenant, id).await?;
    endpoint.ok_or_else(Problem::not_found)?;
    let mut page = deliveries::page(&mut connection, &tenant, id, before, asked.rows).await?;
    drop(connection);
    let next = asked.cut(&context, &mut page, |row| row.id);
    Ok(Json(WebhookDeliveryPage {
        items: page.into_iter().map(WebhookDelivery::from).collect(),
        next,
    }))
}

/// Where a request's `callback_url` leads: to an endpoint of the tenant, whose URL may have got a query.
pub(super) async fn callback(context: &mut Context, text: &str) -> Result<Callback, Problem> {
    let refused = |reason: &str| Problem::invalid_field("/callback_url", reason);
    let url = context.app().guard.check(text).map_err(refused)?;
    let mut bare = url.clone();
    bare.set_query(None);
    let urls = [url.as_str(), bare.as_str()];
    let tenant = context.caller().tenant.clone();
    let row = rows::find_by_url(&mut *context.read().await?, &tenant, urls).await?;
    let row = row.ok_or_else(|| refused("is not the URL of a webhook endpoint of yours"))?;
    match row.disabled {
        Some(_) => Err(refused("leads to a webhook endpoint that is disabled")),
        None => Ok(Callback {
            endpoint: row.id,
            url: url.into(),
        }),
    }
}

/// As it is stored.
fn new_secret(context: &Context, endpoint: Uuid) -> Result<Vec<u8>, Problem> {
    let secret = SigningSecret::generate().map_err(unopened)?;
    context
        .app()
        .vault
        .seal(endpoint, &secret)
        .map_err(unopened)
}

fn shown(
    context: &Context,
    endpoint: Uuid,
    secrets: Option<rows::Secrets>,
) -> Result<Json<WebhookSecret>, Problem> {
    let secrets = secrets.ok_or_else(Problem::not_found)?;
    let secret = context.app().vault.open(endpoint, &secrets.secret);
    Ok(Json(WebhookSecret {
        secret: secret.map_err(unopened)?.text(),
        previous_until: secrets.previous_until.map(time::rfc3339_of_millis),
    }))
}

fn unopened(_: Unspecified) -> Problem {
    Problem::internal(
        &"a webhook endpoint's secret was sealed with a key that is not in APP__WEBHOOKS__KEY",
    )
}
