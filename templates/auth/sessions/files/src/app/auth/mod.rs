//! Who is calling: sessions of users that the service itself knows. A session's id is a random secret; Redis has what it
//! stands for, under its hash. Browsers keep it in a cookie, others send it as a bearer token.

mod attempts;
mod bearer;
mod cookie;
mod credential;
mod id;
mod openapi;
mod origin;
pub mod password;
mod presented;
mod scopes;
mod store;
mod token;

use std::{net::IpAddr, time::Duration};

use http::{HeaderMap, Method};
use uuid::Uuid;

use self::{attempts::Attempts, store::Store};
use super::caller::{Anonymous, Caller};
use crate::{
    config::Config,
    data::redis::Redis,
    external::{http::Http, resilience::Error},
};

pub use self::{
    attempts::Purpose,
    bearer::challenge,
    credential::credential,
    id::Id,
    openapi::{SCHEME, security_scheme},
    origin::is_foreign,
    presented::{Carrier, Presented},
    scopes::DEFAULT_SCOPES,
    store::{Begun, Session},
    token::{Token, development_credential},
};

/// The problem where credentials cannot be judged now.
pub const UNAVAILABLE: &str = "sessions-unavailable";

/// It never was, has ended, or has expired: which of it is nobody's business.
const UNKNOWN: Anonymous = Anonymous::Invalid("the session has ended, or never was");

/// Clones share everything.
#[derive(Clone)]
pub struct Authenticator {
    store: Store,
    attempts: Attempts,
}

impl Authenticator {
    /// Connects to nobody yet: the service starts without Redis too.
    pub async fn start(config: &Config, _: Http) -> anyhow::Result<Self> {
        Ok(Self::for_nobody(config))
    }

    /// For a process that answers nobody.
    pub fn for_nobody(config: &Config) -> Self {
        // The cache goes on without Redis, sessions do not, so neither's failures count for the other.
        let redis = Redis::new(&config.cache, "sessions");
        Self {
            store: Store::new(redis.clone(), &config.auth),
            attempts: Attempts::new(redis, &config.auth),
        }
    }

    /// Finds the request's session, which lives on for being used.
    pub async fn identify(
        &self,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Caller, Anonymous> {
        let presented = Presented::counting(method, headers)?;
        match self.store.find(&presented.id).await {
            Ok(session) => session.map(|session| session.caller).ok_or(UNKNOWN),
            Err(_) => Err(Anonymous::Unavailable),
        }
    }

    /// A session of `caller`'s, with an id that nobody has seen before.
    pub async fn begin(&self, owner: Uuid, caller: &Caller) -> Result<Begun, Error> {
        self.store.begin(Id::new(owner)?, caller).await
    }

    pub async fn find(&self, id: &Id) -> Result<Option<Session>, Error> {
        self.store.find(id).await
    }

    pub async fn end(&self, id: &Id) -> Result<(), Error> {
        self.store.end(id).await
    }

    /// Ends all sessions of this owner, wherever they are used.
    pub async fn end_all(&self, owner: Uuid) -> Result<(), Error> {
        self.store.end_all(owner).await
    }

    /// Counts an attempt to log in; how long to wait where there were too many.
    pub async fn attempt(
        &self,
        purpose: Purpose<'_>,
        address: IpAddr,
    ) -> Result<Option<Duration>, Error> {
        self.attempts.count(purpose, address).await
    }

    /// It was the user who tried. Where Redis does not hear of it the attempts count on, which is no reason to refuse what
    /// was done.
    pub async fn forget_attempts(&self, purpose: Purpose<'_>, address: IpAddr) {
        if let Err(error) = self.attempts.forget(purpose, address).await {
            tracing::warn!(%error, "attempts of a user who succeeded still count");
        }
    }

    /// Nobody could say whether it was the user who tried, so it was no attempt.
    pub async fn take_back_attempt(&self, purpose: Purpose<'_>, address: IpAddr) {
        if let Err(error) = self.attempts.take_back(purpose, address).await {
            tracing::warn!(%error, "an attempt that nobody has judged still counts");
        }
    }

    /// Whoever tried this account may try again.
    pub async fn forget_all_attempts(&self, name: &str, owner: Uuid) -> Result<(), Error> {
        self.attempts.forget_all(name, owner).await
    }
}
