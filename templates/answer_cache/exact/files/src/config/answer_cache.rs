//! Which answers are given again.

use std::time::Duration;

use super::Environment;

#[derive(Clone, Debug)]
pub struct AnswerCache {
    pub time_to_live: Duration,
    /// How many answers are kept for one tenant.
    pub entries_per_tenant: u32,
}

impl AnswerCache {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            time_to_live: environment.duration("APP__ANSWER_CACHE__TIME_TO_LIVE", "24h"),
            entries_per_tenant: environment.count("APP__ANSWER_CACHE__ENTRIES_PER_TENANT", "1000"),
        }
    }
}
