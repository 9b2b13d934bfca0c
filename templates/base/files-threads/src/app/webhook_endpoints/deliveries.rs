//! What was sent to an endpoint, and what came of it.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::{
        context::Context,
        jobs::State,
        page::PageQuery,
        parameters::{Id, Query},
        time,
    },
    data::blocking::{
        jobs::State as JobState,
        webhooks::{
            deliveries::{self as rows, Delivery as Row},
            endpoints,
        },
    },
    edge::problem::Problem,
};

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

impl From<Row> for WebhookDelivery {
    fn from(row: Row) -> Self {
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

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookDeliveryPage {
    items: Vec<WebhookDelivery>,
    /// Give it as `cursor` to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
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
pub fn list_deliveries(
    mut context: Context,
    Id(id): Id,
    Query(query): Query<PageQuery>,
) -> Result<Json<WebhookDeliveryPage>, Problem> {
    let asked = query.read(&context)?;
    let tenant = context.caller().tenant.clone();
    let before = asked.last.unwrap_or(Uuid::max());
    let mut connection = context.read()?;
    let endpoint = endpoints::find(&mut connection, &tenant, id)?;
    endpoint.ok_or_else(Problem::not_found)?;
    let mut page = rows::page(&mut connection, &tenant, id, before, asked.rows)?;
    drop(connection);
    let next = asked.cut(&context, &mut page, |row| row.id);
    Ok(Json(WebhookDeliveryPage {
        items: page.into_iter().map(WebhookDelivery::from).collect(),
        next,
    }))
}
