//! `Prefer: respond-async` (RFC 7240): the client does not want to be kept waiting.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

pub const PREFER: HeaderName = HeaderName::from_static("prefer");
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const ASYNC: &str = "respond-async";

pub(super) fn is_async(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all(PREFER).iter();
    let preferences = preferences.filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|text| text.split(','))
        .filter_map(|preference| preference.split(';').next())
        .any(|preference| preference.trim().eq_ignore_ascii_case(ASYNC))
}

/// Says so of a response, where it was done.
pub(super) fn applied(mut response: Response) -> Response {
    if response.status() == StatusCode::ACCEPTED {
        let headers = response.headers_mut();
        headers.insert(APPLIED, HeaderValue::from_static(ASYNC));
    }
    response
}
