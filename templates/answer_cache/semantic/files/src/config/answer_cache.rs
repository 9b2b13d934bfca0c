//! Which answers are given again.

use std::time::Duration;

use super::{Environment, value::Parse};

#[derive(Clone, Debug)]
pub struct AnswerCache {
    pub time_to_live: Duration,
    /// How many answers are kept for one tenant.
    pub entries_per_tenant: u32,
    /// How near two questions must be to have one answer.
    pub threshold: Likeness,
    /// With how many others a question is compared.
    pub candidates: u32,
}

/// How near two texts are: 1 where they mean the same, 0 where they have nothing in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness(pub f32);

impl Parse for Likeness {
    fn parse(text: &str) -> Result<Self, String> {
        let likeness = text.parse::<f32>().ok();
        likeness
            .filter(|likeness| *likeness > 0.0 && *likeness <= 1.0)
            .map(Self)
            .ok_or_else(|| "expected a number above 0 and up to 1, such as 0.95".to_owned())
    }

    fn fallback() -> Self {
        Self(1.0)
    }
}

impl AnswerCache {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            time_to_live: environment.duration("APP__ANSWER_CACHE__TIME_TO_LIVE", "24h"),
            entries_per_tenant: environment.count("APP__ANSWER_CACHE__ENTRIES_PER_TENANT", "1000"),
            threshold: environment.value("APP__ANSWER_CACHE__THRESHOLD", "0.95"),
            candidates: environment.count("APP__ANSWER_CACHE__CANDIDATES", "100"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_share_of_one() {
        assert_eq!(Likeness::parse("0.95"), Ok(Likeness(0.95)));
        assert_eq!(Likeness::parse("1"), Ok(Likeness(1.0)));
        for wrong in ["", "0", "1.01", "-0.5", "95%", "nan", "inf"] {
            assert!(Likeness::parse(wrong).is_err(), "{wrong}");
        }
    }
}
