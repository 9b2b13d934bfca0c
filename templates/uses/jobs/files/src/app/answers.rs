//! Answers of a language model, made by jobs.

mod answer;
pub mod background;
mod prompt;
mod question;

use axum::response::Response;

pub use self::{
    answer::{Answer, make},
    question::Question,
};
use super::{body::Body, context::Context, idempotency::Key, jobs::Job};
use crate::edge::problem::Problem;

/// Ask a question
///
/// A job makes the answer, which is then its result: `Location` says where to read, watch and cancel it.
#[utoipa::path(
    post, path = "/v1/answers", tag = "answers",
    params(("Idempotency-Key" = String, Header, description = "Makes the request safe to send again for 24 hours")),
    request_body = Question,
    responses(
        (status = 202, body = Job, headers(("Location"), ("Retry-After"))),
        (status = 400, body = Problem, description = "The key is missing"),
        (status = 409, body = Problem, description = "A request with this key is still running"),
        (status = 422, body = Problem, description = "Fields do not hold, or the key was used with another request"),
    ),
    security(("bearer" = ["answers:write"])),
    extensions(("x-formwork" = json!({
        "promises": ["P2", "P3", "P5"],
        "example": { "question": "What sets in a form?" },
        "variant": { "question": "What sets between bricks?" },
    }))),
)]
pub async fn create(context: Context, key: Key, body: Body<Question>) -> Result<Response, Problem> {
    background::create(context, key, body.fingerprint, body.value).await
}
