//! Counts that all instances share, in Redis. While it does not answer, each instance counts for itself.

use std::time::Duration;

use redis::Script;

use super::{Key, local::Local, quota};
use crate::{app::state::App, data::redis::Redis, external::resilience::Error};

/// One step of the generic cell rate algorithm, by the server's own clock. What is kept of a caller is when it has its
/// whole burst again, in microseconds; then the key is gone. A clock that was set back takes no more than that from it.
const COUNT: &str = r"
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local whole = tonumber(redis.call('GET', KEYS[1]) or now)
whole = math.min(math.max(whole, now), now + burst * interval)
local spare = now + burst * interval - whole
if spare < interval then
    return {0, -1, interval - spare}
end
whole = whole + interval
redis.call('SET', KEYS[1], string.format('%.0f', whole), 'PX', math.ceil((whole - now) / 1000))
return {1, math.floor((spare - interval) / interval), 0}
";

pub(super) struct Counts {
    redis: Redis,
    script: Script,
    /// Microseconds from one request to the next.
    interval: u64,
    burst: u32,
    local: Local,
}

impl Counts {
    pub(super) fn new(app: &App) -> Self {
        let quota = quota(&app.config.rate_limit);
        let interval = u64::try_from(quota.replenish_interval().as_micros()).unwrap_or(u64::MAX);
        Self {
            redis: app.cache.redis().clone(),
            script: Script::new(COUNT),
            interval: interval.max(1),
            burst: quota.burst_size().get(),
            local: Local::new(app),
        }
    }

    /// What is left, or how long to wait.
    pub(super) async fn admit(&self, key: &Key) -> Result<u32, Duration> {
        match self.count(key).await {
            Ok(outcome) => outcome,
            Err(_) => self.local.admit(key).await,
        }
    }

    async fn count(&self, key: &Key) -> Result<Result<u32, Duration>, Error> {
        let mut step = self.script.key(self.redis.key("rate", &name(key)));
        step.arg(self.interval).arg(self.burst);
        let (is_admitted, left, wait): (bool, i64, u64) = self.redis.run(&step).await?;
        Ok(if is_admitted {
            Ok(u32::try_from(left).unwrap_or_default())
        } else {
            Err(Duration::from_micros(wait))
        })
    }
}

/// The length of the tenant keeps ("a", "b:c") apart from ("a:b", "c").
fn name(key: &Key) -> String {
    match key {
        Key::Caller(tenant, subject) => format!("caller:{}:{tenant}:{subject}", tenant.len()),
        Key::Address(address) => format!("address:{address}"),
    }
}
