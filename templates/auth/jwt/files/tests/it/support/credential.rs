//! Credentials of the development key pair, as the `token` command prints them.

use service::config::Config;

use super::token::token;

/// The value of `Authorization` for this caller.
pub(crate) fn issue(config: &Config, subject: &str, tenant: &str, scope: &str) -> String {
    let token = token(subject, tenant, scope).sign(config);
    format!("Bearer {}", token.expect("a token"))
}
