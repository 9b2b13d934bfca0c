//! Whether a service is worth asking at all. After several failures in a row it is left alone for a while; then one
//! call finds out whether it is well again. Who says when to come back is believed.

use std::{
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use super::Error;
use crate::{lock::LockAnyway as _, telemetry::upstream};

/// So many failures in a row are no accident.
const FAILURES: u32 = 5;

/// The first rest; each that follows on a failed probe is twice as long.
const SHORTEST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Nobody is believed who wants to be left alone for longer.
const LONGEST_WISH: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is asked.
    Closed {
        /// So many calls in a row were not answered.
        failures: u32,
        /// And so many answers in a row broke off, whatever began well between them.
        broken_off: u32,
    },
    /// It is left alone until then.
    Open { until: Instant, rest: Duration },
    /// One call finds out.
    Probing { rest: Duration },
}

const WELL: State = State::Closed {
    failures: 0,
    broken_off: 0,
};

/// Of one service, or of one of its models: what fails apart has a breaker of its own.
#[derive(Debug)]
pub struct Breaker {
    service: &'static str,
    /// What of it; empty where there is only one thing.
    part: String,
    state: Mutex<State>,
}

impl Breaker {
    pub fn new(service: &'static str, part: &str) -> Self {
        Self {
            service,
            part: part.to_owned(),
            state: Mutex::new(WELL),
        }
    }

    /// Leave to ask, or how long it is left alone.
    pub fn enter(&self) -> Result<Pass<'_>, Error> {
        self.enter_at(Instant::now())
    }

    fn enter_at(&self, now: Instant) -> Result<Pass<'_>, Error> {
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => {}
            State::Open { until, rest } => {
                let left = until.saturating_duration_since(now);
                if !left.is_zero() {
                    return Err(Error::Resting(left));
                }
                self.change(&mut state, State::Probing { rest });
            }
            State::Probing { .. } => return Err(Error::Resting(SHORTEST_REST)),
        }
        Ok(Pass {
            breaker: self,
            is_probe: matches!(*state, State::Probing { .. }),
            is_settled: false,
        })
    }

    /// An answer broke off that had begun well.
    pub fn broke_off(&self) {
        self.broke_off_at(Instant::now());
    }

    fn broke_off_at(&self, now: Instant) {
        let mut state = self.lock();
        match &mut *state {
            State::Closed { broken_off, .. } if *broken_off + 1 < FAILURES => *broken_off += 1,
            State::Closed { .. } => self.rest(&mut state, now + SHORTEST_REST, SHORTEST_REST),
            State::Open { .. } | State::Probing { .. } => {}
        }
    }

    /// An answer that had begun well came to its end.
    pub fn was_whole(&self) {
        if let State::Closed { broken_off, .. } = &mut *self.lock() {
            *broken_off = 0;
        }
    }

    fn count(&self, state: &mut State, error: &Error, now: Instant) {
        let wish = error.wait().unwrap_or_default();
        if wish > SHORTEST_REST {
            let until = now + wish.min(LONGEST_WISH);
            return self.rest(state, until, SHORTEST_REST);
        }
        match *state {
            State::Closed {
                failures,
                broken_off,
            } if failures + 1 < FAILURES => {
                *state = State::Closed {
                    failures: failures + 1,
                    broken_off,
                };
            }
            State::Closed { .. } => self.rest(state, now + SHORTEST_REST, SHORTEST_REST),
            State::Probing { rest } => {
                let rest = (rest * 2).min(LONGEST_REST);
                self.rest(state, now + rest, rest);
            }
            State::Open { .. } => {}
        }
    }

    fn rest(&self, state: &mut State, until: Instant, rest: Duration) {
        self.change(state, State::Open { until, rest });
    }

    fn change(&self, state: &mut State, next: State) {
        let was_open = !matches!(*state, State::Closed { .. });
        let is_open = !matches!(next, State::Closed { .. });
        *state = next;
        if was_open != is_open {
            let (service, part) = (self.service, self.part.as_str());
            tracing::warn!(
                service,
                part,
                "{service} {part} is {}",
                if is_open {
                    "left alone for a while"
                } else {
                    "well again"
                }
            );
            upstream::breaker(service, part, is_open);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock_anyway()
    }
}

/// One call that is let through. Dropped without a word, it says nothing of the service; a probe is then anybody's.
#[derive(Debug)]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
    is_settled: bool,
}

impl Pass<'_> {
    pub fn settle(self, outcome: Result<(), &Error>) {
        self.settle_at(Instant::now(), outcome);
    }

    fn settle_at(mut self, now: Instant, outcome: Result<(), &Error>) {
        if outcome == Err(&Error::Deadline) {
            return;
        }
        let mut state = self.breaker.lock();
        // Calls that were under way when it was opened are of before: only the probe tells what is now.
        if self.is_probe || matches!(*state, State::Closed { .. }) {
            match outcome {
                Err(error) if error.is_fault() => self.breaker.count(&mut state, error, now),
                // An answer that refuses what was asked is a sign of life too.
                _ => match &mut *state {
                    State::Closed { failures, .. } => *failures = 0,
                    State::Open { .. } | State::Probing { .. } => {
                        self.breaker.change(&mut state, WELL);
                    }
                },
            }
        }
        drop(state);
        self.is_settled = true;
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_settled || !self.is_probe {
            return;
        }
        let mut state = self.breaker.lock();
        if let State::Probing { rest } = *state {
            *state = State::Open {
                until: Instant::now(),
                rest,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULT: Error = Error::Refused {
        status: 503,
        wait: None,
    };

    /// A breaker, and a clock that the test moves.
    struct Watched {
        breaker: Breaker,
        now: Instant,
    }

    impl Watched {
        fn new() -> Self {
            Self {
                breaker: Breaker::new("test", ""),
                now: Instant::now(),
            }
        }

        fn opened() -> Self {
            let watched = Self::new();
            (0..FAILURES).for_each(|_| watched.settle(Err(&FAULT)));
            watched
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
        }

        fn enter(&self) -> Pass<'_> {
            self.breaker.enter_at(self.now).expect("leave to ask")
        }

        fn settle(&self, outcome: Result<(), &Error>) {
            self.enter().settle_at(self.now, outcome);
        }

        /// For how long nobody may ask.
        fn rest(&self) -> Option<Duration> {
            self.breaker.enter_at(self.now).err()?.wait()
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_probe_closes_it() {
        let mut watched = Watched::opened();
        assert_eq!(watched.rest(), Some(SHORTEST_REST));
        watched.pass(SHORTEST_REST);
        let probe = watched.enter();
        assert!(watched.rest().is_some(), "one probe is enough");
        probe.settle_at(watched.now, Ok(()));
        assert_eq!(watched.rest(), None);
    }

    #[test]
    fn a_failed_probe_doubles_the_rest() {
        let mut watched = Watched::opened();
        for doubled in [2, 4, 8, 16, 30, 30] {
            watched.pass(LONGEST_REST);
            watched.settle(Err(&FAULT));
            assert_eq!(watched.rest(), Some(Duration::from_secs(doubled)));
        }
    }

    #[test]
    fn a_probe_that_nobody_waited_for_leaves_the_next_one_to_others() {
        let mut watched = Watched::opened();
        watched.pass(SHORTEST_REST);
        drop(watched.enter());
        watched.pass(SHORTEST_REST);
        watched.settle(Ok(()));
        assert_eq!(watched.rest(), None);
    }

    #[test]
    fn only_the_probe_tells_what_is_now() {
        let mut watched = Watched::new();
        let (late, later) = (watched.enter(), watched.enter());
        (0..FAILURES).for_each(|_| watched.settle(Err(&FAULT)));
        late.settle_at(watched.now, Ok(()));
        assert_eq!(watched.rest(), Some(SHORTEST_REST));
        let now = watched.now + SHORTEST_REST;
        let probe = watched.breaker.enter_at(now).expect("a probe");
        later.settle_at(now, Err(&FAULT));
        probe.settle_at(now, Ok(()));
        watched.now = now;
        assert_eq!(watched.rest(), None);
    }

    #[test]
    fn who_says_when_to_come_back_is_believed() {
        let watched = Watched::new();
        let wait = Duration::from_secs(600);
        watched.settle(Err(&Error::Refused {
            status: 429,
            wait: Some(wait),
        }));
        assert_eq!(watched.rest(), Some(wait));
    }

    #[test]
    fn answers_that_break_off_open_it_however_well_they_begin() {
        let watched = Watched::new();
        let breaks_off = || {
            watched.settle(Ok(()));
            watched.breaker.broke_off_at(watched.now);
        };
        for _ in 0..FAILURES {
            (1..FAILURES).for_each(|_| breaks_off());
            watched.breaker.was_whole();
        }
        assert_eq!(watched.rest(), None);
        (0..FAILURES).for_each(|_| breaks_off());
        assert_eq!(watched.rest(), Some(SHORTEST_REST));
    }

    #[test]
    fn a_success_between_failures_is_remembered() {
        let watched = Watched::new();
        for _ in 0..FAILURES {
            (1..FAILURES).for_each(|_| watched.settle(Err(&FAULT)));
            watched.settle(Ok(()));
        }
        // What was refused for what it asked is no failure of the service.
        let wrong = Error::Refused {
            status: 400,
            wait: None,
        };
        (0..FAILURES).for_each(|_| watched.settle(Err(&wrong)));
        assert_eq!(watched.rest(), None);
    }
}
