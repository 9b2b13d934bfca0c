//! How long an endpoint is left alone that fails again and again: places of workers, and attempts of messages, are for
//! those that can be delivered.

use std::time::Duration;

/// Fewer failures one after the other may be chance, or the message's fault.
const FEWEST: i64 = 3;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// Nobody is believed who asks for more.
const LONGEST_WISH: Duration = Duration::from_secs(3600);

/// After so many `failures`; or longer, where it has said how long it wants to be left alone.
pub(super) fn after(failures: i64, wish: Option<Duration>) -> Duration {
    let wish = wish.unwrap_or_default().min(LONGEST_WISH);
    let Ok(doublings) = u32::try_from(failures - FEWEST) else {
        return wish;
    };
    let rest = FIRST.saturating_mul(2_u32.saturating_pow(doublings));
    rest.min(LONGEST).max(wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_from_the_third_failure_on() {
        let seconds = |failures| after(failures, None).as_secs();
        let rests: Vec<u64> = [1, 2, 3, 4, 8, 9, 10, 1_000].map(seconds).into();
        assert_eq!(rests, [0, 0, 5, 10, 160, 300, 300, 300]);
    }

    #[test]
    fn it_is_as_long_as_is_asked_for_within_an_hour() {
        let seconds = |failures, wish| after(failures, Some(Duration::from_secs(wish))).as_secs();
        assert_eq!(seconds(1, 60), 60);
        assert_eq!(seconds(4, 1), 10);
        assert_eq!(seconds(1, 100_000), 3_600);
    }
}
