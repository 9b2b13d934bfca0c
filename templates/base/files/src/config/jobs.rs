//! How jobs are worked on.

use std::time::Duration;

use super::Environment;

#[derive(Clone, Debug)]
pub struct Jobs {
    /// A worker that is not heard of for this long is taken for dead, and its jobs go to others.
    pub lease: Duration,
    /// How often a worker looks for work that nobody told it of.
    pub poll_interval: Duration,
    /// How long what runs may go on once the process drains; then it is given back.
    pub drain_timeout: Duration,
    /// How long jobs that ended are kept; dead ones are kept four times as long.
    pub retention: Duration,
}

impl Jobs {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let drain_timeout = if environment.is_development() {
            "0s"
        } else {
            "10s"
        };
        let jobs = Self {
            lease: environment.duration("APP__JOBS__LEASE", "60s"),
            poll_interval: environment.duration("APP__JOBS__POLL_INTERVAL", "1s"),
            drain_timeout: environment.value("APP__JOBS__DRAIN_TIMEOUT", drain_timeout),
            retention: environment.duration("APP__JOBS__RETENTION", "7d"),
        };
        environment.rule(jobs.poll_interval < jobs.lease, || {
            "APP__JOBS__POLL_INTERVAL must be shorter than APP__JOBS__LEASE".to_owned()
        });
        jobs
    }
}
