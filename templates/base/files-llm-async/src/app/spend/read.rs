//! What a caller is told of what it spends.

use std::time::Duration;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{context::Context, time::rfc3339},
    data::spend::{self as rows, OfModel},
    edge::problem::Problem,
    external::llm::prices::NanoUsd,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A caller's day so far. Amounts are US dollars, as exact decimals.
#[derive(Debug, Serialize, ToSchema)]
pub struct Spend {
    /// What is paid for already.
    #[schema(example = "0.012300000")]
    spent: String,
    /// What the requests that run now may cost at most.
    #[schema(example = "0.050000000")]
    reserved: String,
    /// Of one day; none where there is no limit.
    #[schema(example = "5.000000000")]
    limit: Option<String>,
    /// When the day is over and all of the limit is there again.
    resets_at: String,
    models: Vec<ModelSpend>,
}

/// What was paid for with one model.
#[derive(Debug, Serialize, ToSchema)]
struct ModelSpend {
    model: String,
    calls: i64,
    spent: String,
    input_tokens: i64,
    output_tokens: i64,
    /// Of the input tokens, those that the provider had in a cache of its own.
    cached_input_tokens: i64,
}

impl From<OfModel> for ModelSpend {
    fn from(row: OfModel) -> Self {
        Self {
            model: row.model,
            calls: row.calls,
            spent: dollars(row.amount),
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cached_input_tokens: row.cached_input_tokens,
        }
    }
}

/// Read what the caller has spent today
///
/// The day is that of UTC.
#[utoipa::path(
    get, path = "/v1/spend", tag = "spend",
    responses((status = 200, body = Spend)),
    security(("bearer" = ["spend:read"])),
)]
pub async fn get(mut context: Context) -> Result<Json<Spend>, Problem> {
    let caller = context.caller().clone();
    let limit = context.config().spend.limit_per_day;
    let mut connection = context.read().await?;
    let today = rows::today(&mut connection, &caller.tenant, &caller.subject).await?;
    let models =
        rows::by_model(&mut connection, &caller.tenant, &caller.subject, today.day).await?;
    Ok(Json(Spend {
        spent: dollars(today.settled),
        reserved: dollars(today.reserved),
        limit: limit.map(|limit| limit.to_string()),
        resets_at: end_of(today.day),
        models: models.into_iter().map(ModelSpend::from).collect(),
    }))
}

fn dollars(nanos: i64) -> String {
    NanoUsd(u64::try_from(nanos).unwrap_or_default()).to_string()
}

/// `day` is counted since 1970.
fn end_of(day: i64) -> String {
    let micros = i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
    rfc3339((day + 1).saturating_mul(micros))
}
