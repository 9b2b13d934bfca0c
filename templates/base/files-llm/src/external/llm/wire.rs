//! The way to the provider.
//!
//! It speaks HTTP/1.1, a connection for each call: on HTTP/2 all calls would share one, whose provider admits a hundred
//! streams or so, and the rest would wait there unseen by any of our limits. It also makes leaving plain: the
//! connection is closed. Nothing is tried again down here; that is decided in one place.

#![expect(
    clippy::disallowed_methods,
    reason = "here is where the client gets its bounds, and each call its deadline and its trace"
)]

use std::time::Duration;

use http::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, redirect, retry};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;
use crate::{edge::deadline::Deadline, external::resilience::retry_after, telemetry::propagation};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// What says no more than why is not longer.
const LARGEST_REFUSAL: usize = 16 * 1024;
const LONGEST_WORD: usize = 64;

pub(super) struct Wire(Client);

impl Wire {
    pub(super) fn new() -> anyhow::Result<Self> {
        let client = Client::builder()
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .user_agent(concat!(
                env!("CARGO_PKG_NAME"),
                "/",
                env!("CARGO_PKG_VERSION")
            ))
            .build()?;
        Ok(Self(client))
    }

    /// A request to a path of the provider's.
    pub(super) fn post(&self, base_url: Option<&str>, path: &str) -> Result<RequestBuilder, Error> {
        let base =
            base_url.ok_or_else(|| Error::Unreachable("its address is not set".to_owned()))?;
        Ok(self.0.post(format!("{base}{path}")))
    }

    /// Sends `request` and gives the answer once its head is there, if it is one. How long that may take is the
    /// caller's to bound: the provider is told, as it is told the trace that the call belongs to.
    pub(super) async fn open(
        &self,
        request: RequestBuilder,
        deadline: Deadline,
    ) -> Result<Response, Error> {
        let mut headers = HeaderMap::new();
        propagation::inject(&mut headers);
        deadline.inject(&mut headers);
        let response = request.headers(headers).send().await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let wait = retry_after::wait(response.headers());
        if response.status().is_client_error() {
            let code = code(response).await.unwrap_or_default();
            tracing::info!(
                status,
                code,
                "the provider refused a request: {status} {code}"
            );
        }
        Err(Error::Refused { status, wait })
    }
}

/// Why a request was refused, as the provider's own word for it, such as `context_length_exceeded`. What else it says
/// may quote the prompt or the key, so only a word will do.
async fn code(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > LARGEST_REFUSAL {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    word(&serde_json::from_slice(&body).ok()?)
}

/// Of an object whose `error` says what was wrong.
pub(super) fn word(refusal: &Value) -> Option<String> {
    let error = refusal.get("error")?;
    let words = [error.get("code"), error.get("type")];
    let mut words = words.into_iter().flatten().filter_map(Value::as_str);
    let is_word = |text: &&str| {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        text.len() <= LONGEST_WORD && text.bytes().all(is_part)
    };
    words.find(is_word).map(str::to_owned)
}

/// What the parser says quotes what it has read, so only the place is told.
pub(super) fn parse<T: DeserializeOwned>(data: &str, otherwise: &str) -> Result<T, Error> {
    serde_json::from_str(data).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Error::Broken(format!("{otherwise} (line {line}, column {column})"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_refusal_only_a_word_is_told() {
        let told = |error| word(&json!({ "error": error }));
        let code = json!({ "code": "context_length_exceeded", "type": "invalid_request_error" });
        assert_eq!(told(code).as_deref(), Some("context_length_exceeded"));
        let kind = json!({ "code": 400, "type": "invalid_request_error" });
        assert_eq!(told(kind).as_deref(), Some("invalid_request_error"));
        let text = json!({ "code": "Wrong key: sk-123", "message": "sk-123" });
        assert_eq!(told(text), None);
        assert_eq!(told(json!("sk-123")), None);
    }
}
