//! How long a job that failed waits for its next attempt, with jitter, so that jobs that failed together do not come
//! back together.

use std::time::Duration;

use crate::chance::chance;

const BASE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, Debug)]
pub(super) enum Backoff {
    /// Doubles up to an hour, with full jitter.
    Exponential,
    /// As written down for each failed attempt, and up to a tenth longer.
    Schedule(&'static [Duration]),
}

impl Backoff {
    /// After the attempt of this number, the first being 1.
    pub(super) fn after(self, attempt: i64) -> Duration {
        match self {
            Self::Exponential => ceiling(attempt).mul_f64(chance()),
            Self::Schedule(waits) => scheduled(waits, attempt).mul_f64(1.0 + chance() / 10.0),
        }
    }

    /// The same, and no sooner than whoever refused has asked for. That alone would not do: who says "in a second" each
    /// time would have used up all attempts in minutes.
    pub(super) fn after_at_least(self, attempt: i64, asked: Duration) -> Duration {
        self.after(attempt).max(asked)
    }
}

fn ceiling(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(30);
    BASE.saturating_mul(2_u32.saturating_pow(doublings))
        .min(LONGEST)
}

/// The last one is good for all that come after it.
fn scheduled(waits: &[Duration], attempt: i64) -> Duration {
    let index = usize::try_from(attempt - 1).unwrap_or_default();
    let wait = waits.get(index).or(waits.last());
    wait.copied().unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_an_hour() {
        let seconds: Vec<u64> = [1, 2, 3, 10, 11, 1_000]
            .map(|n| ceiling(n).as_secs())
            .into();
        assert_eq!(seconds, [5, 10, 20, 2_560, 3_600, 3_600]);
    }

    #[test]
    fn who_is_told_to_come_back_at_once_comes_back_later_each_time() {
        let soon = Duration::from_secs(1);
        let mean = |attempt| {
            let waits = (0..200).map(|_| Backoff::Exponential.after_at_least(attempt, soon));
            waits.sum::<Duration>() / 200
        };
        assert!(mean(1) >= soon);
        assert!(mean(10) > Duration::from_secs(600), "{:?}", mean(10));
        let later = Duration::from_secs(7200);
        assert_eq!(Backoff::Exponential.after_at_least(10, later), later);
    }

    #[test]
    fn a_schedule_is_kept_and_not_by_all_at_once() {
        const WAITS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(300)];
        for (attempt, seconds) in [(1, 5), (2, 300), (3, 300)] {
            let waits = (0..100).map(|_| Backoff::Schedule(&WAITS).after(attempt));
            let waits: Vec<Duration> = waits.collect();
            let (shortest, longest) = (Duration::from_secs(seconds), waits.iter().max());
            assert!(waits.iter().all(|wait| *wait >= shortest));
            assert!(longest.is_some_and(|longest| *longest <= shortest * 11 / 10));
            assert!(longest > waits.iter().min(), "{waits:?}");
        }
    }

    #[test]
    fn waits_are_spread_over_all_of_it() {
        let waits: Vec<Duration> = (0..1_000).map(|_| Backoff::Exponential.after(1)).collect();
        assert!(waits.iter().all(|wait| *wait <= BASE));
        for quarter in 0..4 {
            let (from, to) = (BASE / 4 * quarter, BASE / 4 * (quarter + 1));
            let within = waits
                .iter()
                .filter(|wait| (from..to).contains(*wait))
                .count();
            assert!(within > 100, "{within} in quarter {quarter}");
        }
    }
}
