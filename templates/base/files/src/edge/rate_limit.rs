//! How often one caller may ask, with the fields of draft-ietf-httpapi-ratelimit-headers.
//!
//! Each instance counts for itself: this guards an instance, it is not a quota.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::extract::Request;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock,
    middleware::StateInformationMiddleware,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ipnet::Ipv6Net;

use super::{
    client_address::ClientAddress,
    problem::{Problem, whole_seconds},
};
use crate::{app::caller::Caller, config, telemetry::metrics};

pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Keys that were quiet for a while are forgotten once so many requests have come: seldom enough to cost
/// nothing, however many keys there are, and often enough that they stay few.
const REQUESTS_BEFORE_CLEANING: u64 = 10_000;

/// Whoever has one address of IPv6 has as many as this leaves free, so they count as one.
const IPV6_PREFIX: u8 = 64;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Caller(String, String),
    Address(IpAddr),
}

type Limiter = DefaultKeyedRateLimiter<Key, StateInformationMiddleware>;

#[derive(Clone)]
pub struct RateLimit {
    limiter: Arc<Limiter>,
    quota: Quota,
    policy: HeaderValue,
    requests: Arc<AtomicU64>,
}

impl RateLimit {
    pub fn new(config: &config::RateLimit) -> Self {
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(config.requests_per_minute))
            .allow_burst(at_least_one(config.burst));
        let policy = format!("\"default\";q={};w=60", config.requests_per_minute);
        Self {
            limiter: Arc::new(RateLimiter::keyed(quota).with_middleware()),
            quota,
            policy: HeaderValue::try_from(policy)
                .unwrap_or(HeaderValue::from_static("\"default\"")),
            requests: Arc::default(),
        }
    }

    /// What is left, or how long to wait.
    fn admit(&self, key: &Key) -> Result<u32, Duration> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if number % REQUESTS_BEFORE_CLEANING == REQUESTS_BEFORE_CLEANING - 1 {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(key) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(refused) => Err(refused.wait_time_from(self.limiter.clock().now())),
        }
    }
}

impl RateLimit {
    /// Counts the request, by caller where there is one, else by address: one office behind one address is
    /// not one caller, and guessing tokens is not free.
    pub fn check(&self, request: &Request) -> Result<Standing, Refusal> {
        let Some(key) = key(request) else {
            return Ok(Standing {
                remaining: 0,
                reset: 0,
            });
        };
        match self.admit(&key) {
            Ok(remaining) => {
                let reset = whole_seconds(self.quota.replenish_interval());
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

fn key(request: &Request) -> Option<Key> {
    if let Some(caller) = request.extensions().get::<Caller>() {
        return Some(Key::Caller(caller.tenant.clone(), caller.subject.clone()));
    }
    request
        .extensions()
        .get::<ClientAddress>()
        .map(|address| Key::Address(network(address.0)))
}

fn network(address: IpAddr) -> IpAddr {
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
