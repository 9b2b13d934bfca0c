//! Counts of this instance's own.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, RateLimiter, clock::Clock, middleware::StateInformationMiddleware,
};

use super::{Key, quota};
use crate::app::state::App;

/// Keys that were quiet for a while are forgotten once so many requests have come: seldom enough to cost
/// nothing, however many keys there are, and often enough that they stay few.
const REQUESTS_BEFORE_CLEANING: u64 = 10_000;

pub(super) struct Local {
    limiter: DefaultKeyedRateLimiter<Key, StateInformationMiddleware>,
    requests: AtomicU64,
}

impl Local {
    pub(super) fn new(app: &App) -> Self {
        let quota = quota(&app.config.rate_limit);
        Self {
            limiter: RateLimiter::keyed(quota).with_middleware(),
            requests: AtomicU64::new(0),
        }
    }

    /// What is left, or how long to wait.
    pub(super) async fn admit(&self, key: &Key) -> Result<u32, Duration> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if number % REQUESTS_BEFORE_CLEANING == REQUESTS_BEFORE_CLEANING - 1 {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(key) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(refused) => Err(refused.wait_time_from(self.limiter.clock().now())),
        }
    }
}
