//! What fails at the broker is let be for a while, longer each time.

use std::time::{Duration, Instant};

#[derive(Default)]
pub(in crate::jobs) struct Rest {
    /// In a row.
    failures: u32,
    until: Option<Instant>,
}

impl Rest {
    /// How long it is let be from now on, if it is.
    pub(in crate::jobs) fn left(&self) -> Option<Duration> {
        let left = self.until?.checked_duration_since(Instant::now());
        left.filter(|left| !left.is_zero())
    }

    /// Whether it failed when it was tried last.
    pub(in crate::jobs) fn follows_failure(&self) -> bool {
        self.failures > 0
    }

    /// After a failure: `first`, twice as long each time, and no longer than `longest`.
    pub(in crate::jobs) fn begin(&mut self, first: Duration, longest: Duration) {
        let pause = first * 2_u32.pow(self.failures.min(10));
        self.failures += 1;
        self.until = Some(Instant::now() + pause.min(longest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_twice_as_long_each_time_and_never_longer_than_the_longest() {
        let mut rest = Rest::default();
        assert_eq!(rest.left(), None);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let begun = Instant::now();
            rest.begin(Duration::from_secs(1), Duration::from_secs(30));
            let until = rest.until.expect("an end");
            let length = until.duration_since(begun);
            assert!(length >= Duration::from_secs(seconds), "{length:?}");
            assert!(rest.left() <= Some(Duration::from_secs(seconds)));
        }
        assert!(rest.follows_failure());
    }
}
