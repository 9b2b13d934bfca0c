//! Where the broker is, and what this service calls its own there.

use super::{Environment, Secret};
use crate::jobs::broker;

const LONGEST_PREFIX: usize = 60;

#[derive(Clone, Debug)]
pub struct Broker {
    pub url: Secret,
    /// What this service has at the broker begins with it, so that many services share one.
    pub prefix: String,
}

impl Broker {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let url = environment.secret("APP__BROKER__URL");
        environment.required_in_production(
            "APP__BROKER__URL",
            url.is_some(),
            "it says where the broker is",
        );
        // It may have a password in it, so what is wrong with it is said without it.
        let holds = url.as_ref().is_none_or(|url| broker::is_url(url.expose()));
        environment.rule(holds, || {
            format!(
                "APP__BROKER__URL is no URL such as {}",
                broker::DEVELOPMENT_URL
            )
        });
        let prefix = environment.optional::<String>("APP__BROKER__PREFIX");
        let prefix = prefix.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned());
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let is_short = (1..=LONGEST_PREFIX).contains(&prefix.len());
        environment.rule(is_short && prefix.chars().all(is_plain), || {
            format!("APP__BROKER__PREFIX must be 1 to {LONGEST_PREFIX} letters, digits, - and _")
        });
        Self {
            url: url.unwrap_or_else(|| Secret::new(broker::DEVELOPMENT_URL.to_owned())),
            prefix,
        }
    }
}
