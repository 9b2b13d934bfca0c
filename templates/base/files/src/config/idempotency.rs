//! How long idempotency keys are remembered.

use std::time::Duration;

use super::Environment;

#[derive(Clone, Debug)]
pub struct Idempotency {
    /// A stored answer is replayed for this long.
    pub retention: Duration,
    /// A claim whose request died frees its key after this long.
    pub lease: Duration,
}

impl Idempotency {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            retention: environment.duration("APP__IDEMPOTENCY__RETENTION", "24h"),
            lease: environment.duration("APP__IDEMPOTENCY__LEASE", "60s"),
        }
    }
}
