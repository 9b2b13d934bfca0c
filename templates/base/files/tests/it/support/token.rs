//! The `token` command, as it is typed.

use clap::Parser;
use service::app::auth::Token;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    token: Token,
}

/// The command for a token of this caller.
pub(crate) fn token(subject: &str, tenant: &str, scope: &str) -> Token {
    let arguments = [
        "token",
        "--subject",
        subject,
        "--tenant",
        tenant,
        "--scope",
        scope,
    ];
    Command::parse_from(arguments).token
}
