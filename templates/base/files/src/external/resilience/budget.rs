//! How much may be asked beyond what had to be asked: a share of the calls, and a few in reserve. When a service
//! fails for everybody, trying everything again would multiply its load just when it can bear least.

use std::sync::atomic::{AtomicU32, Ordering};

/// What a further request costs; a call earns a part of it.
const WHOLE: u32 = 1_000;

/// A bucket of tokens.
#[derive(Debug)]
pub struct Budget {
    /// Of `WHOLE`, what each call adds.
    share: u32,
    full: u32,
    left: AtomicU32,
}

impl Budget {
    /// One further request for every `calls` calls, and up to `reserve` at once.
    pub fn one_in(calls: u32, reserve: u32) -> Self {
        let full = reserve.saturating_mul(WHOLE);
        Self {
            share: WHOLE / calls.max(1),
            full,
            left: AtomicU32::new(full),
        }
    }

    /// A call that had to be made.
    pub fn earn(&self) {
        self.change(|left| Some(left.saturating_add(self.share).min(self.full)));
    }

    /// Whether one more request may be made; then it is paid for.
    pub fn spend(&self) -> bool {
        self.change(|left| left.checked_sub(WHOLE))
    }

    fn change(&self, change: impl Fn(u32) -> Option<u32>) -> bool {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_requests_are_a_share_of_the_calls_and_a_reserve() {
        let budget = Budget::one_in(5, 3);
        let further = (0..1_000)
            .map(|_| {
                budget.earn();
                u32::from(budget.spend()) + u32::from(budget.spend())
            })
            .sum::<u32>();
        assert!((200..=203).contains(&further), "{further}");
    }

    #[test]
    fn what_is_not_spent_does_not_pile_up() {
        let budget = Budget::one_in(5, 3);
        (0..1_000).for_each(|_| budget.earn());
        assert_eq!((0..10).filter(|_| budget.spend()).count(), 3);
    }
}
