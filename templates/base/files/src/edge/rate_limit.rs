//! How often one caller may ask, with the fields of draft-ietf-httpapi-ratelimit-headers. This guards the service, it is not a
//! quota that anybody is billed by.

mod counts;
mod local;

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use axum::extract::Request;
use governor::Quota;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ipnet::Ipv6Net;

use self::counts::Counts;
use super::{
    client_address::ClientAddress,
    problem::{Problem, whole_seconds},
};
use crate::{
    app::{caller::Caller, state::App},
    config,
    telemetry::metrics,
};

pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Whoever has one address of IPv6 has as many as this leaves free, so they count as one.
const IPV6_PREFIX: u8 = 64;

/// Who is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Of a tenant, and its subject.
    Caller(String, String),
    Address(IpAddr),
}

pub struct RateLimit {
    counts: Counts,
    /// From one request to the next of a caller who has used up its burst.
    interval: Duration,
    policy: HeaderValue,
}

impl RateLimit {
    pub fn new(app: &App) -> Self {
        let config = &app.config.rate_limit;
        let policy = format!("\"default\";q={};w=60", config.requests_per_minute);
        Self {
            counts: Counts::new(app),
            interval: quota(config).replenish_interval(),
            policy: HeaderValue::try_from(policy)
                .unwrap_or(HeaderValue::from_static("\"default\"")),
        }
    }

    /// Counts one request of `key`.
    pub async fn check(&self, key: Option<Key>) -> Result<Standing, Refusal> {
        let Some(key) = key else {
            return Ok(Standing {
                remaining: 0,
                reset: 0,
            });
        };
        match self.counts.admit(&key).await {
            Ok(remaining) => {
                let reset = whole_seconds(self.interval);
                Ok(Standing { remaining, reset })
            }
            Err(wait) => {
                metrics::rate_limited();
                let problem =
                    Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited").retry_after(wait);
                Err(Refusal {
                    problem,
                    standing: Standing {
                        remaining: 0,
                        reset: whole_seconds(wait),
                    },
                })
            }
        }
    }

    pub fn describe(&self, headers: &mut HeaderMap, standing: Standing) {
        let Standing { remaining, reset } = standing;
        headers.insert(POLICY, self.policy.clone());
        if let Ok(limit) = HeaderValue::try_from(format!("\"default\";r={remaining};t={reset}")) {
            headers.insert(LIMIT, limit);
        }
    }
}

fn quota(config: &config::RateLimit) -> Quota {
    let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    Quota::per_minute(at_least_one(config.requests_per_minute))
        .allow_burst(at_least_one(config.burst))
}

/// What is left to a caller, and the seconds until there is more.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    remaining: u32,
    reset: u64,
}

pub struct Refusal {
    pub problem: Problem,
    pub standing: Standing,
}

/// The caller where there is one, else the address: one office behind one address is not one caller, and guessing
/// tokens is not free.
pub fn key(request: &Request) -> Option<Key> {
    if let Some(caller) = request.extensions().get::<Caller>() {
        return Some(Key::Caller(caller.tenant.clone(), caller.subject.clone()));
    }
    request
        .extensions()
        .get::<ClientAddress>()
        .map(|address| Key::Address(network(address.0)))
}

/// Who has one address of a network has all of them.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let prefix = Ipv6Net::new(address, IPV6_PREFIX);
            prefix.map_or(address, |prefix| prefix.network()).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_of_ipv6_is_one_caller() {
        let network = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
