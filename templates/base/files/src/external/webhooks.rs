//! Sends webhooks to where tenants want them, and nowhere else: see `guard`.

#![expect(
    clippy::disallowed_methods,
    reason = "a tenant's server is told neither our deadlines nor our traces; the bounds are set here"
)]

mod guard;

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use reqwest::{Client, Response, dns::Resolve};

use self::guard::{Filtered, System};
pub use self::guard::{Forbidden, Guard};
use super::{http::builder, resilience::retry_after};
use crate::edge::deadline::Deadline;

/// What is kept of an answer's body, in bytes.
const LONGEST_ANSWER: usize = 20_000;

/// Why there is no answer. The endpoint's owner reads it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("its URL {0}")]
    Refused(&'static str),
    #[error("{0}")]
    Forbidden(Forbidden),
    #[error("it did not answer in time")]
    Late,
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
    /// What it said, cut off where it said too much.
    pub body: String,
}

/// Clones share their connections.
#[derive(Clone, Debug)]
pub struct Webhooks {
    guard: Guard,
    client: Client,
}

impl Webhooks {
    pub fn new(guard: Guard) -> anyhow::Result<Self> {
        Self::with_names(guard, Arc::new(System))
    }

    /// The same, with another way to look names up.
    pub fn with_names(guard: Guard, names: Arc<dyn Resolve>) -> anyhow::Result<Self> {
        let filtered = Filtered {
            guard: guard.clone(),
            names,
        };
        // A proxy would look names up by itself, and connect to whatever they lead to.
        let client = builder().no_proxy().dns_resolver(filtered).build()?;
        Ok(Self { guard, client })
    }

    /// Sends `body` within the deadline. Any status is an answer, also that of a redirect, which is not followed.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: String,
        deadline: Deadline,
    ) -> Result<Answer, Error> {
        let url = self.guard.check(url).map_err(Error::Refused)?;
        let request = self.client.post(url).headers(headers).body(body);
        let response = request.timeout(deadline.remaining()).send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after: retry_after::wait(response.headers()),
            body: beginning(response).await,
        })
    }
}

/// What there is of the body until it is long enough, or breaks off: the status has said what matters.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= LONGEST_ANSWER {
            bytes.truncate(LONGEST_ANSWER);
            break;
        }
    }
    // Not every database keeps this character in a text.
    String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Late;
        }
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        match cause.downcast_ref() {
            Some(forbidden) => Self::Forbidden(*forbidden),
            None => Self::Unreachable(cause.to_string()),
        }
    }
}
