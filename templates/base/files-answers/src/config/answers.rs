//! Answers of the language model.

use std::time::Duration;

use super::{Config, Environment};

#[derive(Clone, Debug)]
pub struct Answers {
    /// The longest answer.
    pub max_tokens: u32,
    /// Whoever makes one that is kept, and is not heard of for this long, is taken for dead.
    pub lease: Duration,
    /// How long those that are being made may go on once nothing more is accepted.
    pub drain_timeout: Duration,
    /// How long the events of one that is kept can be read after its end.
    pub events_retention: Duration,
    /// How long one that is kept can be read after its end.
    pub retention: Duration,
}

impl Answers {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let drain_timeout = if environment.is_development() {
            "0s"
        } else {
            "10s"
        };
        let answers = Self {
            max_tokens: environment.count("APP__ANSWERS__MAX_TOKENS", "1024"),
            lease: environment.duration("APP__ANSWERS__LEASE", "10s"),
            drain_timeout: environment.value("APP__ANSWERS__DRAIN_TIMEOUT", drain_timeout),
            events_retention: environment.duration("APP__ANSWERS__EVENTS_RETENTION", "1h"),
            retention: environment.duration("APP__ANSWERS__RETENTION", "24h"),
        };
        environment.rule(answers.events_retention <= answers.retention, || {
            "APP__ANSWERS__EVENTS_RETENTION must not be longer than APP__ANSWERS__RETENTION"
                .to_owned()
        });
        answers
    }

    /// Rules between these and other sections.
    pub(super) fn check(&self, config: &Config, environment: &mut Environment) {
        let grace = config.server.shutdown_grace;
        environment.rule(self.drain_timeout < grace, || {
            "APP__ANSWERS__DRAIN_TIMEOUT must be shorter than APP__SERVER__SHUTDOWN_GRACE: \
             the process would end before its answers do"
                .to_owned()
        });
        let key_retention = config.idempotency.retention;
        environment.rule(self.retention >= key_retention, || {
            "APP__ANSWERS__RETENTION must not be shorter than APP__IDEMPOTENCY__RETENTION: \
             a key would stand for an answer that is not there any more"
                .to_owned()
        });
    }
}
