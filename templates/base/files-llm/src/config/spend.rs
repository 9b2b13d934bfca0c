//! How much callers may spend on the language model.

use std::time::Duration;

use super::{Environment, value::Parse};
use crate::external::llm::prices::NanoUsd;

/// What a limit looks back on.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Debug)]
pub struct Spend {
    /// Of each caller; none where it is left empty. With a limit of 0 a caller may use what costs nothing.
    pub limit_per_day: Option<NanoUsd>,
    /// How long it is kept what was spent, and for what.
    pub retention: Duration,
}

impl Parse for NanoUsd {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = "expected US dollars such as 5.00, with at most 9 digits after the point";
        Self::of_dollars(text).ok_or_else(|| expected.to_owned())
    }

    fn fallback() -> Self {
        Self(0)
    }
}

impl Spend {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let spend = Self {
            limit_per_day: environment.value("APP__SPEND__LIMIT_PER_DAY", "5.00"),
            retention: environment.duration("APP__SPEND__RETENTION", "90d"),
        };
        environment.rule(spend.retention >= DAY, || {
            "APP__SPEND__RETENTION must be at least 1d: a day's limit is counted from what is kept".to_owned()
        });
        spend
    }
}
