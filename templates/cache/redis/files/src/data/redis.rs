//! Redis, for what may be lost: hot reads, and counts. Every call has a bound, and a server that does not answer is left
//! alone for a while, so being without it costs next to nothing. What comes of having no answer is up to whoever asks.

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
        let line = self.line();
        let call = async {
            let mut connection = self.connection(&line).await?;
            command.query_async(&mut connection).await
        };
        self.bounded(&line, call).await
    }

    /// Runs a script, which the server does as one step.
    pub async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Error> {
        let line = self.line();
        let call = async {
            let mut connection = self.connection(&line).await?;
            script.invoke_async(&mut connection).await
        };
        self.bounded(&line, call).await
    }

    /// What is wrong with it; none where it takes what is written. To be asked this also finds out whether it is well again.
    pub async fn problem(&self) -> Option<String> {
        let mut write = redis::cmd("SET");
        write.arg(self.key("ready", "")).arg("").arg("PX").arg(1);
        let error = self.ask::<()>(&write).await.err()?;
        let trouble = self.0.trouble.lock_anyway().clone();
        Some(trouble.unwrap_or(error).to_string())
    }

    async fn bounded<T>(
        &self,
        line: &Line,
        call: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Error> {
        let pass = self.0.breaker.enter().inspect_err(telemetry::failed)?;
        let outcome = match timeout(self.0.timeout, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                if !is_refusal(&error) {
                    self.forget(line);
                }
                Err(classify(&error))
            }
            Err(_) => {
                self.forget(line);
                Err(Error::Late)
            }
        };
        if let Err(error) = &outcome {
            telemetry::failed(error);
        }
        *self.0.trouble.lock_anyway() = outcome.as_ref().err().cloned();
        pass.settle(outcome.as_ref().map(drop));
        outcome
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

/// Whether the server has answered and would give that answer on any connection. One that loads or may not write may have
/// been followed by another, which a new connection finds.
fn is_refusal(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, ReadOnly};
    match error.kind() {
        ErrorKind::Server(BusyLoading | MasterDown | ReadOnly) => false,
        ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType => true,
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
}
