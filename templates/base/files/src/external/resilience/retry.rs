//! The one place that asks again. What asks below it never does, or three tries there and three here would be nine.
//!
//! Asked again is what may pass, before any of the answer was used, after a wait that is random so that those who
//! failed together do not come back together, for as long as the deadline and the budget allow. Who says when to
//! come back is asked then, and no earlier.

use std::time::Duration;

use tokio::time::sleep;

use super::{Error, breaker::Breaker, budget::Budget};
use crate::{chance::chance, edge::deadline::Deadline, telemetry::upstream};

/// The first try is one of them.
const TRIES: u32 = 3;

const BASE: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(2);

/// One further try for five calls, and a few when there are few calls.
const SHARE: u32 = 5;
const RESERVE: u32 = 10;

/// Of one service: whatever fails there fails for the same reason, so there is one budget.
#[derive(Debug)]
pub struct Retries {
    service: &'static str,
    budget: Budget,
    /// The first wait is up to this, each that follows up to twice as much.
    base: Duration,
}

impl Retries {
    pub fn new(service: &'static str) -> Self {
        Self {
            service,
            budget: Budget::one_in(SHARE, RESERVE),
            base: BASE,
        }
    }

    /// Once for each call, however many parts of the service it will ask.
    pub fn earn(&self) {
        self.budget.earn();
    }

    /// Whether there may be one more request, such as one to another part of the service.
    pub fn spend(&self) -> bool {
        self.budget.spend()
    }

    /// Calls `ask` until it succeeds or there is no use in asking again. It is an `Fn` and no `AsyncFn`: of that, the
    /// compiler cannot tell whether what it makes may go to another thread.
    pub async fn call<T, F>(
        &self,
        breaker: &Breaker,
        deadline: Deadline,
        ask: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut tries = 1;
        loop {
            let pass = breaker.enter()?;
            let outcome = ask().await.map_err(|error| match error {
                // Or callers with little time could make it look ill to all others.
                Error::Late if deadline.has_passed() => Error::Deadline,
                error => error,
            });
            pass.settle(outcome.as_ref().map(drop));
            let error = match outcome {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = error.wait().unwrap_or_default() + backoff(self.base, tries);
            let is_worth_it = error.may_pass() && tries < TRIES && wait < deadline.remaining();
            if !is_worth_it || !self.budget.spend() {
                return Err(error);
            }
            let service = self.service;
            tracing::info!(service, "asking {service} again: {error}");
            upstream::asked_again(service);
            sleep(wait).await;
            tries += 1;
        }
    }
}

/// Before the try after this many.
fn backoff(base: Duration, tries: u32) -> Duration {
    let ceiling = base.saturating_mul(2_u32.saturating_pow(tries - 1));
    ceiling.min(LONGEST).mul_f64(chance())
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Instant,
    };

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// With waits that a test can bear.
    fn retries() -> Retries {
        Retries {
            base: Duration::from_micros(10),
            ..Retries::new("test")
        }
    }

    /// How often a service that always fails like this is asked, and how long that takes.
    async fn asked(error: Error, longest: Duration) -> (u32, Duration) {
        let breaker = Breaker::new("test", "");
        let times = AtomicU32::new(0);
        let begun = Instant::now();
        let failed = retries()
            .call(&breaker, Deadline::after(longest), async || {
                times.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(error.clone())
            })
            .await;
        assert_eq!(failed, Err(error));
        (times.into_inner(), begun.elapsed())
    }

    fn refused(status: u16, millis: Option<u64>) -> Error {
        Error::Refused {
            status,
            wait: millis.map(Duration::from_millis),
        }
    }

    #[tokio::test]
    async fn what_may_pass_is_asked_again_and_what_does_not_is_not() {
        let gone = Error::Unreachable("refused".to_owned());
        let passing = [408, 409, 425, 429, 500, 503, 529].map(|status| refused(status, None));
        for error in passing.into_iter().chain([gone]) {
            assert_eq!(asked(error.clone(), MINUTE).await.0, TRIES, "{error}");
        }
        let cut = Error::Broken("cut".to_owned());
        let staying = [400, 401, 403, 404, 422, 505].map(|status| refused(status, None));
        for error in staying.into_iter().chain([cut, Error::Late]) {
            assert_eq!(asked(error.clone(), MINUTE).await.0, 1, "{error}");
        }
    }

    #[tokio::test]
    async fn who_says_when_is_asked_then_and_no_earlier() {
        let busy = refused(429, Some(200));
        let (times, took) = asked(busy, MINUTE).await;
        assert_eq!(times, TRIES);
        assert!(took >= Duration::from_millis(400), "{took:?}");
        // Nobody waits for what comes after the deadline.
        let (times, took) = asked(refused(429, Some(600_000)), MINUTE).await;
        assert_eq!(times, 1);
        assert!(took < MINUTE / 4, "{took:?}");
    }

    #[tokio::test]
    async fn a_service_that_fails_for_all_is_not_asked_much_more() {
        let retries = retries();
        let times = AtomicU32::new(0);
        let calls = 500;
        for _ in 0..calls {
            // A breaker of its own each time: this is about the budget alone.
            let breaker = Breaker::new("test", "");
            retries.earn();
            let failing = async || {
                times.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(refused(503, None))
            };
            let deadline = Deadline::after(MINUTE);
            retries.call(&breaker, deadline, failing).await.ok();
        }
        let times = times.into_inner();
        assert!(times > calls + RESERVE, "{times}");
        assert!(times <= calls + calls / SHARE + RESERVE, "{times}");
    }

    #[test]
    fn waits_are_random_and_bounded() {
        let waits: Vec<Duration> = (1..20).map(|tries| backoff(BASE, tries)).collect();
        assert!(waits.iter().all(|wait| *wait <= LONGEST), "{waits:?}");
        assert!(waits[0] <= BASE && waits[5] != waits[6], "{waits:?}");
    }
}
