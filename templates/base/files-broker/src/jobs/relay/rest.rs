//! After a failure events are let be, longer each time. Some of their readers may have what another one's queue refuses,
//! and have it once more at each attempt. News of jobs goes on meanwhile.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Rest {
    /// In a row.
    failures: u32,
    until: Option<Instant>,
}

impl Rest {
    /// How long events are let be from now on, if they are.
    pub(super) fn left(&self) -> Option<Duration> {
        let left = self.until?.checked_duration_since(Instant::now());
        left.filter(|left| !left.is_zero())
    }

    /// Whether events failed when they were tried last.
    pub(super) fn follows_failure(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn begin(&mut self) {
        let pause = FIRST * 2_u32.pow(self.failures.min(10));
        self.failures += 1;
        self.until = Some(Instant::now() + pause.min(LONGEST));
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
            rest.begin();
            let until = rest.until.expect("an end");
            let length = until.duration_since(begun);
            assert!(length >= Duration::from_secs(seconds), "{length:?}");
            assert!(rest.left() <= Some(Duration::from_secs(seconds)));
        }
        assert!(rest.follows_failure());
    }
}
