//! Answers of a language model: streamed as they are made, kept where the client has a key, or made in the
//! background where nobody waits.

mod answer;
pub mod background;
pub mod durable;
mod ephemeral;
mod events;
mod prefer;
mod prompt;
mod question;

use axum::response::Response;
use http::{HeaderMap, header};

pub use self::{
    answer::{Answer, make},
    events::{is_end, merged},
    prefer::PREFER,
    question::Question,
};
use super::{body::Body, context::Context, idempotency::Key, jobs::Job};
use crate::edge::{presence::Presence, problem::Problem};

/// Ask a question
///
/// With `Accept: text/event-stream` the answer comes as events: `meta`, then `token` for each piece of text, then
/// `usage` and `done`, or `error`. Without a key it ends when the client leaves. With one it is made to its end, once,
/// and kept: `Location` says where it is read, also while it is made; the same request again finds it. With
/// `Prefer: respond-async` a job makes it.
#[utoipa::path(
    post, path = "/v1/answers", tag = "answers",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the answer one that is kept, and the request safe to send again for 24 hours"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`: a job makes it; needs a key"),
    ),
    request_body = Question,
    responses(
        (status = 200, content((Answer = "application/json"), (String = "text/event-stream"))),
        (status = 201, body = durable::DurableAnswer, headers(("Location")), description = "With a key, as JSON"),
        (status = 202, body = Job, headers(("Location"), ("Preference-Applied"), ("Retry-After")), description = "A job makes it; or, with a key, it takes longer than this request may"),
        (status = 409, body = Problem, description = "A request with this key is still waiting for its first token"),
        (status = 422, body = Problem, description = "Fields do not hold, or the key was used with another request"),
        (status = 429, body = Problem, headers(("Retry-After")), description = "The caller may spend no more today"),
        (status = 502, body = Problem, description = "The model cannot be reached, or refused"),
        (status = 503, body = Problem, headers(("Retry-After")), description = "There is no room, here or at the model"),
        (status = 504, body = Problem, description = "There was no token in time"),
    ),
    security(("bearer" = ["answers:write"])),
    extensions(("x-formwork" = json!({
        "promises": ["P2", "P4", "P6", "P7", "P8", "P9"],
        "example": { "question": "What sets in a form?" },
        "variant": { "question": "What sets between bricks?" },
    }))),
)]
pub async fn create(
    context: Context,
    presence: Presence,
    key: Key,
    headers: HeaderMap,
    body: Body<Question>,
) -> Result<Response, Problem> {
    let question = body.value;
    if prefer::is_async(&headers) {
        let accepted = background::create(context, key, body.fingerprint, question).await?;
        return Ok(prefer::applied(accepted));
    }
    let is_streamed = wants_events(&headers);
    match key.0 {
        Some(key) => durable::create(context, key, body.fingerprint, question, is_streamed).await,
        None if is_streamed => {
            presence
                .while_there(ephemeral::streamed(context, question))
                .await
        }
        None => {
            presence
                .while_there(ephemeral::whole(context, question))
                .await
        }
    }
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|text| text.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
}
