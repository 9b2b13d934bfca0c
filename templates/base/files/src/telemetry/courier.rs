//! The way to a collector: OTLP's requests over the service's own HTTP client.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::{runtime::Handle, time::timeout};

use super::metrics;
use crate::lock::LockAnyway as _;

/// Of a collector's answer, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Between two complaints about a collector.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Carries one signal's batches. The SDK's threads are not the runtime's, so the request itself is made in a
/// task of the runtime.
#[derive(Debug)]
pub(super) struct Courier {
    pub(super) signal: &'static str,
    pub(super) client: reqwest::Client,
    pub(super) runtime: Handle,
    /// Of one attempt.
    pub(super) timeout: Duration,
    pub(super) losses: Arc<Losses>,
}

impl Courier {
    async fn carry(&self, request: http::Request<Bytes>) -> anyhow::Result<http::Response<Bytes>> {
        let (client, longest) = (self.client.clone(), self.timeout);
        let exchange = async move { timeout(longest, exchange(client, request)).await };
        let answer = match self.runtime.spawn(exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(anyhow::anyhow!("no answer within {longest:?}")),
            Err(_) => Err(anyhow::anyhow!("the runtime has ended")),
        };
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.losses.note(self.signal, answer.status().as_str()),
            Err(error) => self.losses.note(self.signal, &format!("{error:#}")),
        }
        answer
    }
}

impl HttpClient for Courier {
    // The trait was written with `async_trait`; this is the signature that it stands for.
    fn send_bytes<'this, 'answer>(
        &'this self,
        request: http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, HttpError>> + Send + 'answer>>
    where
        'this: 'answer,
        Self: 'answer,
    {
        Box::pin(async { self.carry(request).await.map_err(Into::into) })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the courier has a timeout of its own and is part of no trace"
)]
async fn exchange(
    client: reqwest::Client,
    request: http::Request<Bytes>,
) -> anyhow::Result<http::Response<Bytes>> {
    // The URL may hold a credential, so no error shows it.
    let request = request.try_into().map_err(reqwest::Error::without_url)?;
    let answer = client
        .execute(request)
        .await
        .map_err(reqwest::Error::without_url)?;
    let (head, body) = http::Response::from(answer).into_parts();
    let body = Limited::new(body, LONGEST_ANSWER).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    Ok(http::Response::from_parts(head, body))
}

/// Failed attempts, which are complained about now and then rather than one by one.
#[derive(Debug, Default)]
pub(super) struct Losses(Mutex<Unreported>);

#[derive(Debug, Default)]
struct Unreported {
    attempts: u32,
    last_report: Option<Instant>,
}

impl Losses {
    fn note(&self, signal: &'static str, reason: &str) {
        metrics::export_failed(signal);
        if let Some(attempts) = self.due() {
            tracing::warn!(attempts, "no {signal} reach the collector: {reason}");
        }
    }

    /// Counts an attempt. The attempts since the last report, where it is time for another.
    fn due(&self) -> Option<u32> {
        let mut unreported = self.0.lock_anyway();
        unreported.attempts += 1;
        if unreported
            .last_report
            .is_some_and(|last| last.elapsed() < REPORT_INTERVAL)
        {
            return None;
        }
        unreported.last_report = Some(Instant::now());
        Some(std::mem::take(&mut unreported.attempts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_that_is_gone_is_complained_about_once_a_minute() {
        let losses = Losses::default();
        assert_eq!(losses.due(), Some(1));
        assert_eq!(losses.due(), None);
        assert_eq!(losses.due(), None);
        let mut unreported = losses.0.lock().expect("not poisoned");
        unreported.last_report = Instant::now().checked_sub(REPORT_INTERVAL);
        drop(unreported);
        assert_eq!(losses.due(), Some(3));
    }
}
