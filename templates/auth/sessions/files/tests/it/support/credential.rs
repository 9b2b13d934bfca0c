//! Credentials of callers that are no users, as the `token` command prints them.

use std::time::Duration;

use service::config::{Config, Secret};

use super::{servers::REDIS, token::token};

/// The value of `Authorization` for this caller. It comes from Redis itself, whatever the test puts before it or however
/// little it lets the service wait.
pub(crate) fn issue(config: &Config, subject: &str, tenant: &str, scope: &str) -> String {
    let token = token(subject, tenant, scope);
    let mut config = config.clone();
    config.cache.url = Secret::new(REDIS.url().to_owned());
    config.cache.timeout = Duration::from_secs(19);
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(token.run(&config)).expect("a session")
    };
    let id = std::thread::spawn(run).join().expect("no panic");
    format!("Bearer {id}")
}
