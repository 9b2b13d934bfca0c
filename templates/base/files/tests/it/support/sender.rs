//! A partner who sends messages, signed with code of its own.

use reqwest::RequestBuilder;
use time::OffsetDateTime;

use super::receiver::signature;

/// What tests configure the service with.
pub(crate) const INBOUND_SECRET: &str = "whsec_dGVzdHMgc2lnbiB3aXRoIHRoZXNlIDMyIGJ5dGVzIQ==";

pub(crate) struct Signed {
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) signatures: String,
    pub(crate) body: String,
}

impl Signed {
    pub(crate) fn now(id: &str, body: &str) -> Self {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        Self::with(INBOUND_SECRET, id, now, body)
    }

    pub(crate) fn with(secret: &str, id: &str, timestamp: i64, body: &str) -> Self {
        Self {
            id: id.to_owned(),
            timestamp,
            signatures: signature(secret, id, timestamp, body),
            body: body.to_owned(),
        }
    }

    /// The request with the message.
    pub(crate) fn on(self, request: RequestBuilder) -> RequestBuilder {
        request
            .header("content-type", "application/json")
            .header("webhook-id", self.id)
            .header("webhook-timestamp", self.timestamp)
            .header("webhook-signature", self.signatures)
            .body(self.body)
    }
}
