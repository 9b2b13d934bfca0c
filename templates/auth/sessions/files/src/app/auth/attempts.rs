//! How often somebody may try to log in: to one account from one network and from all of them, and to any account from one
//! address. An attempt counts before it is known what comes of it, so many at once are no way around; one that succeeds is
//! taken back, and so is one that nobody could judge.

use std::{net::IpAddr, sync::Arc, time::Duration};

use redis::Script;
use uuid::Uuid;

use crate::{config, data::redis::Redis, edge::rate_limit::network, external::resilience::Error};

/// So many networks must have used up their attempts at one account before nobody may try it: one alone keeps out itself.
const NETWORKS: u32 = 10;

/// What of an account's attempts came from anywhere; beside it stands what came from each network.
const ANYWHERE: &str = "anywhere";

/// How long to wait in milliseconds, or 0. What is refused does not count: else whoever goes on trying would be refused
/// without end.
const COUNT: &str = r"
local here = tonumber(redis.call('HGET', KEYS[1], KEYS[2]) or 0)
local anywhere = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0)
if here >= tonumber(ARGV[2]) or anywhere >= tonumber(ARGV[3]) then
    return math.max(redis.call('PTTL', KEYS[1]), 1)
end
if tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(ARGV[4]) then
    return math.max(redis.call('PTTL', KEYS[2]), 1)
end
redis.call('HINCRBY', KEYS[1], KEYS[2], 1)
if redis.call('HINCRBY', KEYS[1], ARGV[1], 1) == 1 then
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
if redis.call('INCR', KEYS[2]) == 1 then
    redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
return 0
";

/// What the account's network tried is forgotten, and what others tried is not; of the address, this one attempt.
const FORGET: &str = r"
local here = tonumber(redis.call('HGET', KEYS[1], KEYS[2]) or 0)
if here > 0 then
    redis.call('HDEL', KEYS[1], KEYS[2])
    if redis.call('HINCRBY', KEYS[1], ARGV[1], -here) <= 0 then
        redis.call('DEL', KEYS[1])
    end
end
if tonumber(redis.call('GET', KEYS[2]) or 0) > 0 then
    redis.call('DECR', KEYS[2])
end
";

/// This one attempt is none.
const TAKE_BACK: &str = r"
if tonumber(redis.call('HGET', KEYS[1], KEYS[2]) or 0) > 0 then
    redis.call('HINCRBY', KEYS[1], KEYS[2], -1)
    redis.call('HINCRBY', KEYS[1], ARGV[1], -1)
end
if tonumber(redis.call('GET', KEYS[2]) or 0) > 0 then
    redis.call('DECR', KEYS[2])
end
";

/// What a password is given for; each is counted for itself, so whoever has found a session that was left open keeps nobody
/// from logging in.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// To log in under this name, of which there need be no user.
    Login(&'a str),
    /// To change the password of the user with this id.
    Change(Uuid),
}

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
    take_back: Script,
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
            take_back: Script::new(TAKE_BACK),
        }))
    }

    /// Whether the account exists makes no difference.
    pub(super) async fn count(
        &self,
        purpose: Purpose<'_>,
        address: IpAddr,
    ) -> Result<Option<Duration>, Error> {
        let mut step = self.0.count.key(self.account(purpose));
        step.key(self.address(address))
            .arg(ANYWHERE)
            .arg(self.0.per_account)
            .arg(self.0.per_account.saturating_mul(NETWORKS))
            .arg(self.0.per_address)
            .arg(self.0.window);
        let wait: u64 = self.0.redis.run(&step).await?;
        Ok((wait > 0).then(|| Duration::from_millis(wait)))
    }

    pub(super) async fn forget(&self, purpose: Purpose<'_>, address: IpAddr) -> Result<(), Error> {
        self.undo(&self.0.forget, purpose, address).await
    }

    pub(super) async fn take_back(
        &self,
        purpose: Purpose<'_>,
        address: IpAddr,
    ) -> Result<(), Error> {
        self.undo(&self.0.take_back, purpose, address).await
    }

    async fn undo(
        &self,
        script: &Script,
        purpose: Purpose<'_>,
        address: IpAddr,
    ) -> Result<(), Error> {
        let mut step = script.key(self.account(purpose));
        step.key(self.address(address)).arg(ANYWHERE);
        self.0.redis.run(&step).await
    }

    /// Of this user, from wherever they came.
    pub(super) async fn forget_all(&self, name: &str, owner: Uuid) -> Result<(), Error> {
        let mut command = redis::cmd("DEL");
        for purpose in [Purpose::Login(name), Purpose::Change(owner)] {
            command.arg(self.account(purpose));
        }
        self.0.redis.ask(&command).await
    }

    fn account(&self, purpose: Purpose<'_>) -> String {
        let name = match purpose {
            Purpose::Login(name) => format!("login:{name}"),
            Purpose::Change(owner) => format!("change:{owner}"),
        };
        self.0.redis.key("attempts", &name)
    }

    /// Whoever has one address of a network has all of it.
    fn address(&self, address: IpAddr) -> String {
        let name = format!("address:{}", network(address));
        self.0.redis.key("attempts", &name)
    }
}
