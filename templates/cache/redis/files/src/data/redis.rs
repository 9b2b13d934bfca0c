//! Redis. Every call has a bound, and a server that does not answer is left alone for a while, so nobody waits for it long.
//! What comes of having no answer is up to whoever asks.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult,
    ScriptInvocation, ServerErrorKind, aio::MultiplexedConnection,
};
use ring::digest::{SHA256, digest};
use tokio::{
    runtime::{self, Handle},
    sync::OnceCell,
    time::timeout,
};

use crate::{
    config::{self, Secret},
    external::resilience::{Error, breaker::Breaker},
    lock::LockAnyway as _,
    telemetry::redis as telemetry,
};

/// Clones share their connections.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

struct Shared {
    url: Secret,
    prefix: String,
    timeout: Duration,
    breaker: Breaker,
    lines: Mutex<HashMap<runtime::Id, Line>>,
    /// Why the last call failed that was made; none where it did not.
    trouble: Mutex<Option<Error>>,
}

/// The connection of one runtime, which drives it: that another one stands still is nothing to it. Calls are written one
/// behind the other, and none waits for the answer of the one before.
type Line = Arc<OnceCell<MultiplexedConnection>>;

impl Redis {
    /// Connects to nobody yet: the service starts without it too. `part` names what it is for, where there is more than one.
    pub fn new(config: &config::Cache, part: &str) -> Self {
        Self(Arc::new(Shared {
            url: config.url.clone(),
            prefix: config.prefix.clone(),
            timeout: config.timeout,
            breaker: Breaker::new("redis", part),
            lines: Mutex::default(),
            trouble: Mutex::default(),
        }))
    }

    /// The key of what is called `name`, among those of its `kind`. Of one length however long the name is, and it tells
    /// nobody who looks at the server whose it is.
    pub fn key(&self, kind: &str, name: &str) -> String {
        let hash = digest(&SHA256, name.as_bytes());
        format!(
            "{}:{kind}:{}",
            self.0.prefix,
            URL_SAFE_NO_PAD.encode(hash.as_ref())
        )
    }

    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        self.bounded(move |mut line| async move { command.query_async(&mut line).await })
            .await
    }

    /// Runs a script, which the server does as one step.
    pub async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Error> {
        self.bounded(move |mut line| async move { script.invoke_async(&mut line).await })
            .await
    }

    /// What is wrong with it; none where it takes what is written. To be asked this also finds out whether it is well again.
    pub async fn problem(&self) -> Option<String> {
        let mut write = redis::cmd("SET");
        write.arg(self.key("ready", "")).arg("").arg("PX").arg(1);
        let error = self.ask::<()>(&write).await.err()?;
        let trouble = self.0.trouble.lock_anyway().clone();
        Some(trouble.unwrap_or(error).to_string())
    }

    async fn bounded<T, A>(&self, ask: impl Fn(MultiplexedConnection) -> A) -> Result<T, Error>
    where
        A: Future<Output = RedisResult<T>>,
    {
        let pass = self.0.breaker.enter().inspect_err(telemetry::failed)?;
        let mut line = self.line();
        let (outcome, is_answered) = match timeout(self.0.timeout, self.asked(&mut line, ask)).await
        {
            Ok(Ok(answer)) => (Ok(answer), true),
            Ok(Err(error)) => (Err(classify(&error)), is_refusal(&error)),
            Err(_) => (Err(Error::Late), false),
        };
        if !is_answered {
            self.forget(&line);
        }
        if let Err(error) = &outcome {
            telemetry::failed(error);
        }
        *self.0.trouble.lock_anyway() = outcome.as_ref().err().cloned();
        // What refuses one call, as a server without room does, may do what the next one asks.
        pass.settle(match &outcome {
            Err(error) if !is_answered => Err(error),
            _ => Ok(()),
        });
        outcome
    }

    /// A server or what is before it hangs up on who was quiet for long, which shows when the line is used: then it is asked
    /// once more, on a new one. Whoever asks must bear that the first was heard: a count is one too many at worst.
    async fn asked<T, A>(
        &self,
        line: &mut Line,
        ask: impl Fn(MultiplexedConnection) -> A,
    ) -> RedisResult<T>
    where
        A: Future<Output = RedisResult<T>>,
    {
        let was_open = line.initialized();
        match ask(self.connection(line).await?).await {
            Err(error) if was_open && error.is_connection_dropped() => {
                self.forget(line);
                *line = self.line();
                ask(self.connection(line).await?).await
            }
            answer => answer,
        }
    }

    fn line(&self) -> Line {
        let mut lines = self.0.lines.lock_anyway();
        lines.entry(Handle::current().id()).or_default().clone()
    }

    async fn connection(&self, line: &Line) -> RedisResult<MultiplexedConnection> {
        // The time of a call is bounded as a whole.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connect = async || {
            Client::open(self.0.url.expose())?
                .get_multiplexed_async_connection_with_config(&config)
                .await
        };
        line.get_or_try_init(connect).await.cloned()
    }

    /// The next call connects anew: a server that took another's place is found, and what is late for one call is in no
    /// other's way.
    fn forget(&self, line: &Line) {
        let mut lines = self.0.lines.lock_anyway();
        lines.retain(|_, known| !Arc::ptr_eq(known, line));
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

/// What a server says that loads, or may not write or read: another may have followed it.
const PASSING: [&str; 3] = ["LOADING", "MASTERDOWN", "READONLY"];

/// Whether the server has answered and would give that answer on any connection. One that another has followed would not;
/// before Redis 7 the text alone tells so where a script meets it.
fn is_refusal(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, ReadOnly};
    match error.kind() {
        ErrorKind::Server(BusyLoading | MasterDown | ReadOnly) => false,
        ErrorKind::Server(_) | ErrorKind::Extension => {
            let text = error.to_string();
            !PASSING.iter().any(|word| text.contains(word))
        }
        ErrorKind::UnexpectedReturnType => true,
        _ => false,
    }
}

/// What the server refuses (it loads, it may not write, it has no memory left) is its fault, never a request's.
fn classify(error: &RedisError) -> Error {
    if error.is_io_error() || error.is_connection_dropped() {
        Error::Unreachable(error.to_string())
    } else {
        Error::Broken(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_of_one_length_and_differ() {
        let config = config::Cache {
            url: Secret::new("redis://127.0.0.1:1/0".to_owned()),
            prefix: "orders".to_owned(),
            time_to_live: Duration::from_secs(1),
            value_limit: bytesize::ByteSize::kib(1),
            timeout: Duration::from_secs(1),
        };
        let redis = Redis::new(&config, "");
        let long = "a".repeat(10_000);
        let keys = [("cache", "a"), ("rate", "a"), ("cache", &long)]
            .map(|(kind, name)| redis.key(kind, name));
        assert!(keys[0].starts_with("orders:cache:"), "{}", keys[0]);
        assert_eq!(keys[0].len(), keys[2].len());
        assert!(keys[0] != keys[1] && keys[0] != keys[2]);
    }

    /// As the server writes it.
    fn error(line: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes());
        value
            .and_then(redis::Value::extract_error)
            .expect_err("an error")
    }

    #[test]
    fn one_that_another_has_followed_does_not_refuse() {
        for passing in [
            "READONLY You can't write against a read only replica.",
            "ERR Error running script (call to f_02): @user_script:3: @user_script: 3: -READONLY You can't write against a \
             read only replica.",
            "LOADING Redis is loading the dataset in memory",
            "ERR Error running script (call to f_02): @user_script:3: -LOADING Redis is loading the dataset in memory",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        ] {
            assert!(!is_refusal(&error(passing)), "{passing}");
        }
        for refusal in [
            "OOM command not allowed when used memory > 'maxmemory'.",
            "NOPERM this user has no permissions to run the 'set' command",
            "ERR Error running script (call to f_02): @user_script:3: -OOM command not allowed",
        ] {
            assert!(is_refusal(&error(refusal)), "{refusal}");
        }
    }
}
