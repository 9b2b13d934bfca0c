//! What an endpoint's deliveries are signed with, for its owner alone: in no other answer does it stand.

use std::time::Duration;

use axum::Json;
use ring::error::Unspecified;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::{context::Context, parameters::Id, time},
    data::blocking::webhooks::endpoints as rows,
    edge::problem::Problem,
    jobs::webhooks::SigningSecret,
};

/// How long the secret before a rotation stays good.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

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

/// Read the secret of a webhook endpoint
#[utoipa::path(
    get, path = "/v1/webhook-endpoints/{id}/secret", tag = "webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = WebhookSecret), (status = 404, body = Problem)),
    security(("bearer" = ["webhooks:write"])),
)]
pub fn secret(mut context: Context, Id(id): Id) -> Result<Json<WebhookSecret>, Problem> {
    let tenant = context.caller().tenant.clone();
    let secrets = rows::secrets(&mut *context.read()?, &tenant, id)?;
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
pub fn rotate(mut context: Context, Id(id): Id) -> Result<Json<WebhookSecret>, Problem> {
    let tenant = context.caller().tenant.clone();
    let secret = new(&context, id)?;
    let mut transaction = context.begin()?;
    let is_rotated = rows::rotate(&mut transaction, &tenant, id, &secret, OVERLAP)?;
    let secrets = rows::secrets(&mut transaction, &tenant, id)?;
    transaction.commit()?;
    if secrets.is_some() && !is_rotated {
        return Err(Problem::conflict(
            "webhook-secret-rotated",
            "the secret before this one is still good: read the new one, or wait until previous_until",
        ));
    }
    shown(&context, id, secrets)
}

/// A new one, as it is stored.
pub(super) fn new(context: &Context, endpoint: Uuid) -> Result<Vec<u8>, Problem> {
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
    Problem::internal(&"a webhook endpoint's secret was sealed with another APP__WEBHOOKS__KEY")
}
