//! How long sessions live, and how often a login may be tried.

use std::time::Duration;

use super::Environment;

/// A session that is never used up is a password that never changes.
const LONGEST_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

#[derive(Clone, Debug)]
pub struct Auth {
    /// How long a session lives without a request.
    pub idle_timeout: Duration,
    /// How long it lives at most.
    pub lifetime: Duration,
    /// Attempts to log in to one account from one address within the window; ten times as many from all.
    pub attempts_per_account: u32,
    /// The same from one address, those that succeed left out.
    pub attempts_per_address: u32,
    pub attempts_window: Duration,
}

impl Auth {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let auth = Self {
            idle_timeout: environment.duration("APP__AUTH__IDLE_TIMEOUT", "30m"),
            lifetime: environment.duration("APP__AUTH__LIFETIME", "12h"),
            attempts_per_account: environment.count("APP__AUTH__ATTEMPTS_PER_ACCOUNT", "10"),
            attempts_per_address: environment.count("APP__AUTH__ATTEMPTS_PER_ADDRESS", "100"),
            attempts_window: environment.duration("APP__AUTH__ATTEMPTS_WINDOW", "15m"),
        };
        environment.rule(auth.idle_timeout <= auth.lifetime, || {
            "APP__AUTH__IDLE_TIMEOUT must be at most APP__AUTH__LIFETIME: no session lives longer"
                .to_owned()
        });
        environment.rule(auth.lifetime <= LONGEST_LIFETIME, || {
            "APP__AUTH__LIFETIME must be at most 90d: a stolen session would work for as long"
                .to_owned()
        });
        auth
    }

    /// Who may call, for whoever starts it.
    pub fn summary(&self) -> String {
        "with sessions in Redis".to_owned()
    }
}
