//! Credentials of the development key pair, as the `token` command prints them.

use clap::Parser;
use service::{app::auth::Token, config::Config};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    token: Token,
}

/// The value of `Authorization` for this caller.
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
    let token = Command::parse_from(arguments).token.sign(config);
    format!("Bearer {}", token.expect("a token"))
}
