//! Sessions in Redis: under the hash of each id, what it stands for; and for each owner a list of what is alive. Both must
//! know of a session, so taking the list away ends all of an owner's in one step. Each step is a script that reads the
//! server's clock: instances need not agree on theirs.

use std::{sync::Arc, time::Duration};

use redis::Script;
use uuid::Uuid;

use super::id::Id;
use crate::{app::caller::Caller, config, data::redis::Redis, external::resilience::Error};

/// Of one owner; the oldest goes when there is one more.
const MOST: u32 = 100;

const BEGIN: &str = r"
local idle, lifetime, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = string.format('%.0f', now + lifetime)
redis.call('HSET', KEYS[1], 'subject', ARGV[4], 'tenant', ARGV[5], 'scopes', ARGV[6], 'ends', ends)
redis.call('PEXPIRE', KEYS[1], math.min(idle, lifetime))
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - lifetime))
redis.call('ZADD', KEYS[2], string.format('%.0f', now), KEYS[1])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - most)
redis.call('PEXPIRE', KEYS[2], lifetime)
return tonumber(ends)
";

const FIND: &str = r"
local found = redis.call('HMGET', KEYS[1], 'subject', 'tenant', 'scopes', 'ends')
if not found[4] then
    return false
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = tonumber(found[4]) - now
if left <= 0 or not redis.call('ZSCORE', KEYS[2], KEYS[1]) then
    redis.call('DEL', KEYS[1])
    return false
end
redis.call('PEXPIRE', KEYS[1], math.min(tonumber(ARGV[1]), left))
return found
";

const END: &str = r"
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], KEYS[1])
";

/// What a session's id stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub caller: Caller,
    /// In milliseconds since 1970, by the clock of Redis: then it ends, however much it is used.
    pub ends_at: i64,
}

/// A new session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub id: Id,
    pub session: Session,
}

/// Clones share everything.
#[derive(Clone)]
pub(super) struct Store(Arc<Shared>);

struct Shared {
    redis: Redis,
    idle_timeout: u64,
    lifetime: u64,
    begin: Script,
    find: Script,
    end: Script,
}

impl Store {
    pub(super) fn new(redis: Redis, config: &config::Auth) -> Self {
        Self(Arc::new(Shared {
            redis,
            idle_timeout: millis(config.idle_timeout),
            lifetime: millis(config.lifetime),
            begin: Script::new(BEGIN),
            find: Script::new(FIND),
            end: Script::new(END),
        }))
    }

    pub(super) async fn begin(&self, id: Id, caller: &Caller) -> Result<Begun, Error> {
        let [session, owner] = self.keys(&id);
        let scopes: Vec<&str> = caller.scopes.iter().map(String::as_str).collect();
        let mut step = self.0.begin.key(session);
        step.key(owner)
            .arg(self.0.idle_timeout)
            .arg(self.0.lifetime)
            .arg(MOST)
            .arg(&caller.subject)
            .arg(&caller.tenant)
            .arg(scopes.join(" "));
        let ends_at = self.0.redis.run(&step).await?;
        let session = Session {
            caller: caller.clone(),
            ends_at,
        };
        Ok(Begun { id, session })
    }

    /// The session, which has its whole idle time before it again.
    pub(super) async fn find(&self, id: &Id) -> Result<Option<Session>, Error> {
        let [session, owner] = self.keys(id);
        let mut step = self.0.find.key(session);
        step.key(owner).arg(self.0.idle_timeout);
        let found: Option<(String, String, String, i64)> = self.0.redis.run(&step).await?;
        Ok(found.map(|(subject, tenant, scopes, ends_at)| {
            let scopes = scopes.split_whitespace().map(str::to_owned);
            let caller = Caller {
                subject,
                tenant,
                scopes: Arc::new(scopes.collect()),
            };
            Session { caller, ends_at }
        }))
    }

    pub(super) async fn end(&self, id: &Id) -> Result<(), Error> {
        let [session, owner] = self.keys(id);
        let mut step = self.0.end.key(session);
        step.key(owner);
        self.0.redis.run(&step).await
    }

    /// What the sessions stood for goes when it is asked for, or by itself.
    pub(super) async fn end_all(&self, owner: Uuid) -> Result<(), Error> {
        let mut command = redis::cmd("DEL");
        command.arg(self.owner_key(owner));
        self.0.redis.ask(&command).await
    }

    fn keys(&self, id: &Id) -> [String; 2] {
        let session = self.0.redis.key("session", id.expose());
        [session, self.owner_key(id.owner())]
    }

    fn owner_key(&self, owner: Uuid) -> String {
        self.0.redis.key("sessions", &owner.to_string())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
