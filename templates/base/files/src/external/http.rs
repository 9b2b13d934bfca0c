//! One HTTP client for the process: bounded in every phase, and part of the caller's trace.

#![expect(
    clippy::disallowed_methods,
    reason = "here is where the client gets its bounds, and each request its deadline and its trace"
)]

use std::time::Duration;

use http::HeaderMap;
use reqwest::{Client, ClientBuilder, redirect};

use crate::{edge::deadline::Deadline, telemetry};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Clones share their connections.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
}

impl Http {
    pub fn new() -> anyhow::Result<Self> {
        let client = builder().build()?;
        Ok(Self { client })
    }

    /// The client below, for a caller that sets its own bounds.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends `request` within what is left of `deadline`, which the other side is told, as it is told the
    /// trace that it belongs to.
    pub async fn send(
        &self,
        request: reqwest::RequestBuilder,
        deadline: Deadline,
    ) -> reqwest::Result<reqwest::Response> {
        let mut headers = HeaderMap::new();
        telemetry::propagation::inject(&mut headers);
        deadline.inject(&mut headers);
        request
            .headers(headers)
            .timeout(deadline.remaining())
            .send()
            .await
    }
}

/// What every client of this process has. Redirects are not followed: where a request goes is decided here, not
/// by who answers it.
pub(super) fn builder() -> ClientBuilder {
    // A second call finds the provider installed, which is as good.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .redirect(redirect::Policy::none())
        .user_agent(concat!(
            env!("CARGO_PKG_NAME"),
            "/",
            env!("CARGO_PKG_VERSION")
        ))
}
