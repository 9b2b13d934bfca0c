//! Where a tenant wants to be called back.

pub(super) mod callback;
pub mod deliveries;
pub mod secrets;

use axum::{Json, response::Response};
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    body::{Body, Fields, FromFields},
    context::Context,
    idempotency::{self, Answer, Key},
    page::PageQuery,
    parameters::{Id, Query},
    time,
};
use crate::{
    data::{
        jobs::rests,
        webhooks::endpoints::{self as rows, Disabled as DisabledRow, Endpoint as Row},
    },
    edge::problem::Problem,
    jobs::Kind,
};

pub(super) const LONGEST_URL: usize = 2_000;

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
    let secret = secrets::new(&context, id)?;
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
