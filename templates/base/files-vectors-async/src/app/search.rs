//! Finds what a tenant's documents say about something, whatever words they use for it.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{context::Context, embedding::Embedding, parameters::Query, retrieval};
use crate::{data::vectors::Near, edge::problem::Problem};

/// What it is paid for.
const ROUTE: &str = "/v1/search";

const LONGEST_QUESTION: usize = 1_000;
const MOST: u32 = 50;
const USUAL: u32 = 10;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// What is looked for, in any words.
    #[param(min_length = 1, max_length = 1_000)]
    q: String,
    /// How many passages at most; 10 unless told.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// What was found, the nearest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Found {
    items: Vec<Passage>,
}

/// A passage of a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Passage {
    document: Uuid,
    /// The version of the document that it stands in.
    version: i64,
    title: String,
    text: String,
    /// 0 where both mean the same, 1 where they have nothing in common.
    distance: f64,
}

impl From<Near> for Passage {
    fn from(near: Near) -> Self {
        Self {
            document: near.document,
            version: near.version,
            title: near.title,
            text: near.text,
            distance: near.distance,
        }
    }
}

/// Search documents by what they mean
///
/// A document is found as soon as a job has embedded it, which takes a moment after it was written.
#[utoipa::path(
    get, path = "/v1/search", tag = "documents",
    params(SearchQuery),
    responses(
        (status = 200, body = Found),
        (status = 400, body = Problem, description = "The question or the limit does not hold"),
        (status = 429, body = Problem, headers(("Retry-After")), description = "The caller may spend no more today"),
        (status = 503, body = Problem, description = "The model that embeds the question cannot be reached now"),
    ),
    security(("bearer" = ["documents:read"])),
)]
pub async fn search(
    mut context: Context,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Found>, Problem> {
    let length = query.q.trim().chars().count();
    if !(1..=LONGEST_QUESTION).contains(&length) {
        return Err(Problem::bad_request(format!(
            "q must have 1 to {LONGEST_QUESTION} characters"
        )));
    }
    let limit = query.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad_request(format!("limit must be 1 to {MOST}")));
    }
    let mut question = Embedding::of(ROUTE, query.q.trim());
    let found = retrieval::nearest(&mut context, &mut question, limit).await?;
    Ok(Json(Found {
        items: found.into_iter().map(Passage::from).collect(),
    }))
}
