//! Credentials of callers that are no users, as the `token` command prints them.

use clap::Parser;
use service::{
    app::auth::Token,
    config::{Config, Secret},
};

use super::servers::REDIS;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    token: Token,
}

/// The value of `Authorization` for this caller. The test waits for it, so it goes to Redis by no line of the test's own.
pub(crate) fn issue(config: &Config, subject: &str, tenant: &str, scope: &str) -> String {
    let arguments = [
        "token",
        "--subject",
        subject,
        "--tenant",
        tenant,
        "--scope",
        scope,
    ];
    let token = Command::parse_from(arguments).token;
    let mut config = config.clone();
    config.cache.url = Secret::new(REDIS.url().to_owned());
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
