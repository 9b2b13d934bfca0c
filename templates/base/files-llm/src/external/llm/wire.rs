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

use super::{Error, failed};
use crate::{edge::deadline::Deadline, external::resilience::retry_after, telemetry::propagation};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

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
        let response = request.headers(headers).send().await.map_err(failed)?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(Error::Refused {
            status: response.status().as_u16(),
            wait: retry_after::wait(response.headers()),
        })
    }
}
