//! How long a job that failed waits for its next attempt: exponential, with full jitter, so that jobs that
//! failed together do not come back together.

use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};

const BASE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(3600);

/// After the attempt of this number, the first being 1.
pub(super) fn after(attempt: i64) -> Duration {
    ceiling(attempt).mul_f64(chance())
}

fn ceiling(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(30);
    BASE.saturating_mul(2_u32.saturating_pow(doublings))
        .min(LONGEST)
}

/// Of 0 to 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness all wait for the whole time, which is only less fair.
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
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
    fn waits_are_spread_over_all_of_it() {
        let waits: Vec<Duration> = (0..1_000).map(|_| after(1)).collect();
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
