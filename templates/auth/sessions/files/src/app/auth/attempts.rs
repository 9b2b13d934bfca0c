//! How often somebody may try to log in: to one account, and from one address. An attempt counts before it is known what
//! comes of it, so many at once are no way around; one that succeeds is taken back.

use std::{net::IpAddr, sync::Arc, time::Duration};

use redis::Script;

use crate::{config, data::redis::Redis, edge::rate_limit::network, external::resilience::Error};

/// How long to wait in milliseconds, or 0. What is refused does not count: else whoever goes on trying would keep the user
/// out without end.
const COUNT: &str = r"
for number = 1, 2 do
    if tonumber(redis.call('GET', KEYS[number]) or 0) >= tonumber(ARGV[number]) then
        return math.max(redis.call('PTTL', KEYS[number]), 1)
    end
end
for number = 1, 2 do
    if redis.call('INCR', KEYS[number]) == 1 then
        redis.call('PEXPIRE', KEYS[number], ARGV[3])
    end
end
return 0
";

const FORGET: &str = r"
redis.call('DEL', KEYS[1])
if tonumber(redis.call('GET', KEYS[2]) or 0) > 0 then
    redis.call('DECR', KEYS[2])
end
";

/// Clones share everything.
#[derive(Clone)]
pub(super) struct Attempts(Arc<Shared>);

struct Shared {
    redis: Redis,
    per_account: u32,
    per_address: u32,
    window: u64,
    count: Script,
    forget: Script,
}

impl Attempts {
    pub(super) fn new(redis: Redis, config: &config::Auth) -> Self {
        Self(Arc::new(Shared {
            redis,
            per_account: config.attempts_per_account,
            per_address: config.attempts_per_address,
            window: u64::try_from(config.attempts_window.as_millis()).unwrap_or(u64::MAX),
            count: Script::new(COUNT),
            forget: Script::new(FORGET),
        }))
    }

    /// Whether the account exists makes no difference.
    pub(super) async fn count(
        &self,
        account: &str,
        address: IpAddr,
    ) -> Result<Option<Duration>, Error> {
        let [account, address] = self.keys(account, address);
        let mut step = self.0.count.key(account);
        step.key(address)
            .arg(self.0.per_account)
            .arg(self.0.per_address)
            .arg(self.0.window);
        let wait: u64 = self.0.redis.run(&step).await?;
        Ok((wait > 0).then(|| Duration::from_millis(wait)))
    }

    pub(super) async fn forget(&self, account: &str, address: IpAddr) -> Result<(), Error> {
        let [account, address] = self.keys(account, address);
        let mut step = self.0.forget.key(account);
        step.key(address);
        self.0.redis.run(&step).await
    }

    fn keys(&self, account: &str, address: IpAddr) -> [String; 2] {
        let address = network(address).to_string();
        [("account", account), ("address", &address)]
            .map(|(whose, name)| self.0.redis.key("attempts", &format!("{whose}:{name}")))
    }
}
