//! The cache in this process.

use std::time::Duration;

use super::Environment;

#[derive(Clone, Debug)]
pub struct Cache {
    pub capacity: u32,
    /// Instances may disagree for this long.
    pub time_to_live: Duration,
}

impl Cache {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            capacity: environment.count("APP__CACHE__CAPACITY", "10000"),
            time_to_live: environment.duration("APP__CACHE__TIME_TO_LIVE", "2s"),
        }
    }
}
