//! Every error that leaves the service is a problem detail (RFC 9457).

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::request_id::RequestId;

/// What went wrong, as its reader may know it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Identifies the kind of problem; stable, and safe to match on.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The id of the request that met it, as in `X-Request-Id` and in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Every field that was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after: Option<Duration>,
    #[serde(skip)]
    challenge: Option<String>,
}

/// One refused field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// A JSON pointer into the body (RFC 6901).
    pub pointer: String,
    pub detail: String,
}

impl Problem {
    /// `slug` names the kind, such as `idempotency-key-reused`.
    pub fn new(status: StatusCode, slug: &str) -> Self {
        Self {
            kind: format!("urn:problem:{slug}"),
            title: title(slug),
            status: status.as_u16(),
            detail: None,
            instance: None,
            errors: Vec::new(),
            retry_after: None,
            challenge: None,
        }
    }

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request").detail(detail)
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found")
    }

    pub fn conflict(slug: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, slug).detail(detail)
    }

    /// The body was read and understood, and these fields do not hold.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields");
        problem.errors = errors;
        problem
    }

    /// The same of one field.
    pub fn invalid_field(pointer: &str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        }])
    }

    /// The deadline passed before the work was done.
    pub fn deadline() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "deadline-exceeded")
            .detail("the request's deadline passed before it was answered")
    }

    /// There is no room now; `retry_after` says when it is worth asking again.
    pub fn overloaded(slug: &str, retry_after: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, slug).retry_after(retry_after)
    }

    /// Something broke on this side. The cause is logged here, once, and never sent.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "internal error: {cause}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The `WWW-Authenticate` of a 401 or 403.
    #[must_use]
    pub fn challenge(mut self, challenge: String) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// Names the request, unless it is named already.
    #[must_use]
    pub fn instance(mut self, id: &RequestId) -> Self {
        self.instance.get_or_insert_with(|| id.0.clone());
        self
    }

    /// The problem of a bare status, such as one from the router or from an extractor.
    pub fn of_status(status: StatusCode) -> Self {
        let slug = match status {
            StatusCode::NOT_FOUND => "not-found",
            StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
            StatusCode::REQUEST_TIMEOUT => "request-timeout",
            StatusCode::PAYLOAD_TOO_LARGE => "body-too-large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported-media-type",
            StatusCode::GATEWAY_TIMEOUT => "deadline-exceeded",
            status if status.is_server_error() => "internal",
            _ => "bad-request",
        };
        Self::new(status, slug)
    }

    /// How long whoever refused wants to be left alone.
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    /// The body is written twice: here, so that a problem is one wherever it is answered, and in
    /// `edge::layers`, which alone knows the request's id.
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        }
        if let Some(challenge) = self.challenge.as_deref().and_then(|text| text.parse().ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Seconds rounded up, at least one: a client that comes back too early comes back twice.
pub fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0 || duration.is_zero())
}

/// `idempotency-key-reused` reads `Idempotency key reused`.
fn title(slug: &str) -> String {
    let mut words = slug.replace('-', " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_to_at_least_a_second() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        assert_eq!(whole_seconds(Duration::from_millis(2_001)), 3);
    }

    #[test]
    fn titles_are_the_slug_in_words() {
        assert_eq!(title("idempotency-key-reused"), "Idempotency key reused");
    }
}
