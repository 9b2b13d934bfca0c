//! A second request beside one that takes long. A page that needs ten answers is as slow as the slowest of them: where
//! one in a hundred is slow, one page in ten is. For reads only, since both are carried out, and for cheap ones, since
//! both are paid for.

use std::{pin::pin, sync::Mutex, time::Duration};

use tokio::time::{Instant, timeout};

use super::{Error, budget::Budget};
use crate::{lock::LockAnyway as _, telemetry::upstream};

/// How many of the last durations are remembered.
const REMEMBERED: usize = 128;

/// With fewer of them, nobody knows what long is.
const FEWEST: usize = 16;

/// A call takes long that takes half as long again as nineteen of twenty do.
const USUAL_SHARE: f64 = 0.95;
const PATIENCE: f64 = 1.5;

/// One further request for twenty calls.
const SHARE: u32 = 20;
const RESERVE: u32 = 5;

/// Of one kind of call.
#[derive(Debug)]
pub struct Hedge {
    service: &'static str,
    budget: Budget,
    durations: Mutex<Durations>,
}

impl Hedge {
    pub fn new(service: &'static str) -> Self {
        Self {
            service,
            budget: Budget::one_in(SHARE, RESERVE),
            durations: Mutex::default(),
        }
    }

    /// The first answer of up to two; whoever is second is dropped, which cancels it.
    pub async fn call<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.budget.earn();
        let begun = Instant::now();
        let mut first = pin!(ask());
        let answer = match self.patience() {
            None => first.await,
            Some(patience) => match timeout(patience, &mut first).await {
                Ok(answer) => answer,
                Err(_) if !self.budget.spend() => first.await,
                Err(_) => {
                    upstream::hedged(self.service);
                    earlier(first, pin!(ask())).await
                }
            },
        };
        if answer.is_ok() {
            self.remember(begun.elapsed());
        }
        answer
    }

    fn patience(&self) -> Option<Duration> {
        let usual = self.durations.lock_anyway().usual()?;
        Some(usual.mul_f64(PATIENCE))
    }

    fn remember(&self, duration: Duration) {
        self.durations.lock_anyway().add(duration);
    }
}

/// The first that succeeds, or the failure of the last.
async fn earlier<T>(
    mut one: impl Future<Output = Result<T, Error>> + Unpin,
    mut other: impl Future<Output = Result<T, Error>> + Unpin,
) -> Result<T, Error> {
    tokio::select! {
        answer = &mut one => match answer {
            Ok(answer) => Ok(answer),
            Err(_) => other.await,
        },
        answer = &mut other => match answer {
            Ok(answer) => Ok(answer),
            Err(_) => one.await,
        },
    }
}

/// The last of them, in a ring.
#[derive(Debug, Default)]
struct Durations {
    ring: Vec<Duration>,
    next: usize,
}

impl Durations {
    fn add(&mut self, duration: Duration) {
        if self.ring.len() < REMEMBERED {
            self.ring.push(duration);
        } else {
            self.ring[self.next] = duration;
            self.next = (self.next + 1) % REMEMBERED;
        }
    }

    fn usual(&self) -> Option<Duration> {
        if self.ring.len() < FEWEST {
            return None;
        }
        let mut sorted = self.ring.clone();
        let at = (sorted.len() as f64 * USUAL_SHARE) as usize;
        let at = at.min(sorted.len() - 1);
        Some(*sorted.select_nth_unstable(at).1)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::sleep;

    use super::*;

    const QUICK: Duration = Duration::from_millis(2);
    const FOR_EVER: Duration = Duration::from_secs(60);

    /// A service that answers at once, but for one request in a hundred, which it never answers: who waits for that one
    /// waits for ever, and how fast the machine is makes no difference.
    #[derive(Default)]
    struct Service(AtomicU32);

    impl Service {
        async fn ask(&self) -> Result<(), Error> {
            let times = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            if times.is_multiple_of(100) {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    }

    /// Each page needs ten answers: without the second request one in ten of them would never be there.
    #[tokio::test]
    async fn one_slow_answer_in_a_hundred_is_waited_for_by_no_page_and_costs_little() {
        let (service, hedge) = (Service::default(), Hedge::new("test"));
        let ask = async || hedge.call(async || service.ask().await).await;
        let (pages, answers) = (60, 10);
        for page in 0..pages {
            let all = async {
                tokio::try_join!(
                    ask(),
                    ask(),
                    ask(),
                    ask(),
                    ask(),
                    ask(),
                    ask(),
                    ask(),
                    ask(),
                    ask()
                )
            };
            let all = timeout(FOR_EVER, all).await;
            let all = all.unwrap_or_else(|_| panic!("page {page} waits for ever"));
            all.expect("answers");
        }
        let (requests, calls) = (service.0.into_inner(), pages * answers);
        assert!(requests > calls, "none was slow");
        assert!(requests <= calls + calls / SHARE + RESERVE, "{requests}");
    }

    #[tokio::test]
    async fn a_service_that_has_become_slow_is_not_asked_twice_as_much() {
        let hedge = Hedge::new("test");
        (0..REMEMBERED).for_each(|_| hedge.remember(QUICK));
        let requests = AtomicU32::new(0);
        let calls = 100;
        for _ in 0..calls {
            let slow = async || {
                requests.fetch_add(1, Ordering::Relaxed);
                sleep(10 * QUICK).await;
                Ok(())
            };
            hedge.call(slow).await.expect("an answer");
        }
        let requests = requests.into_inner();
        assert!(requests <= calls + calls / SHARE + RESERVE, "{requests}");
    }

    #[tokio::test]
    async fn one_that_fails_is_not_the_answer_while_the_other_may_succeed() {
        let hedge = Hedge::new("test");
        (0..FEWEST).for_each(|_| hedge.remember(QUICK));
        let times = AtomicU32::new(0);
        let answer = hedge.call(async || {
            if times.fetch_add(1, Ordering::Relaxed) == 0 {
                sleep(20 * QUICK).await;
                return Ok("late");
            }
            Err(Error::Late)
        });
        assert_eq!(answer.await, Ok("late"));
    }
}
