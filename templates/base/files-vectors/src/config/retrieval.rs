//! What an answer is given to draw on.

use super::{Environment, value::Parse};

#[derive(Clone, Debug)]
pub struct Retrieval {
    /// How many passages.
    pub passages: u32,
    /// How far from the question they may be, as a cosine distance.
    pub max_distance: f64,
}

impl Retrieval {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            passages: environment.count("APP__RETRIEVAL__PASSAGES", "6"),
            max_distance: environment
                .value::<Distance>("APP__RETRIEVAL__MAX_DISTANCE", "0.8")
                .0,
        }
    }
}

/// 0 for the same meaning, 1 for nothing in common, 2 for the contrary.
struct Distance(f64);

impl Parse for Distance {
    fn parse(text: &str) -> Result<Self, String> {
        let distance = text.parse().ok();
        distance
            .filter(|distance| (0.0..=2.0).contains(distance))
            .map(Self)
            .ok_or_else(|| "expected a number of 0 to 2, such as 0.8".to_owned())
    }

    fn fallback() -> Self {
        Self(0.0)
    }
}
