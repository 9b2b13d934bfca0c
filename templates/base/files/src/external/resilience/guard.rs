//! All of it for a service that is asked as a whole: a client needs one of these, and a line for each call.

use std::time::Duration;

use super::{Error, breaker::Breaker, bulkhead::Bulkhead, retry::Retries};
use crate::edge::deadline::Deadline;

/// Lives as long as the process, in its client.
#[derive(Debug)]
pub struct Guard {
    bulkhead: Bulkhead,
    breaker: Breaker,
    retries: Retries,
}

impl Guard {
    /// `service` is its name in telemetry, `places` how many calls to it run at once, `queue_timeout` how long one waits
    /// for a place.
    pub fn new(service: &'static str, places: u32, queue_timeout: Duration) -> Self {
        Self {
            bulkhead: Bulkhead::new(service, places, queue_timeout),
            breaker: Breaker::new(service, ""),
            retries: Retries::new(service),
        }
    }

    /// Calls `ask`, again where that is worth it. It must be safe to ask twice: a request that changes something
    /// carries a key by which the service knows it again.
    pub async fn call<T, F>(&self, deadline: Deadline, ask: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let _place = self.bulkhead.enter(deadline).await?;
        self.retries.earn();
        self.retries.call(&self.breaker, deadline, ask).await
    }
}
