//! Redis: where it is, what is kept there, and how long anybody waits for it.

use std::time::Duration;

use bytesize::ByteSize;
use redis::IntoConnectionInfo as _;

use super::{Environment, Secret};

/// As its image starts, and most who install it.
const DEVELOPMENT_URL: &str = "redis://127.0.0.1:6379/0";

#[derive(Clone, Debug)]
pub struct Cache {
    pub url: Secret,
    /// What every key begins with, so that services can share a server.
    pub prefix: String,
    /// How old a cached value may become.
    pub time_to_live: Duration,
    /// A larger value is not kept.
    pub value_limit: ByteSize,
    /// The longest wait for one answer, a new connection included.
    pub timeout: Duration,
}

impl Cache {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let url = environment.secret("APP__CACHE__URL");
        environment.required_in_production(
            "APP__CACHE__URL",
            url.is_some(),
            "it says where Redis is, such as rediss://user:password@host:6379/0",
        );
        // It may have a password in it, so what is wrong with it is said without it.
        let holds = url
            .as_ref()
            .is_none_or(|url| url.expose().into_connection_info().is_ok());
        environment.rule(holds, || {
            "APP__CACHE__URL is no URL such as rediss://user:password@host:6379/0".to_owned()
        });
        Self {
            url: url.unwrap_or_else(|| Secret::new(DEVELOPMENT_URL.to_owned())),
            prefix: environment
                .optional("APP__CACHE__PREFIX")
                .unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned()),
            time_to_live: environment.duration("APP__CACHE__TIME_TO_LIVE", "2s"),
            value_limit: environment.value("APP__CACHE__VALUE_LIMIT", "64KiB"),
            timeout: environment.duration("APP__CACHE__TIMEOUT", "250ms"),
        }
    }
}
