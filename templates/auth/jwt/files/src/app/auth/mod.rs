//! Who is calling: bearer tokens (RFC 6750) that are JWTs of one issuer, verified with its public keys. No
//! secret is kept here, and no request asks the issuer.

mod bearer;
mod claims;
mod credential;
mod crypto;
mod development;
mod key;
mod key_set;
mod keys;
mod memo;
mod openapi;
mod scopes;
mod source;
mod token;

use std::sync::Arc;

use anyhow::ensure;
use http::{HeaderMap, Method};
use jsonwebtoken::{Header, decode_header};

use self::{
    claims::Expectations,
    development::KeyPair,
    key_set::NoKey,
    keys::{Keys, Known},
    source::Source,
};
use super::caller::{Anonymous, Caller};
use crate::{
    config::{Config, Stage},
    external::http::Http,
};

pub use self::{
    bearer::challenge,
    credential::credential,
    openapi::{SCHEME, security_scheme},
    scopes::DEFAULT_SCOPES,
    token::{Token, development_credential},
};

/// The problem where credentials cannot be judged now.
pub const UNAVAILABLE: &str = "keys-unavailable";

/// Clones share their keys.
#[derive(Clone)]
pub struct Authenticator {
    keys: Keys,
    expectations: Arc<Expectations>,
}

impl Authenticator {
    /// Loads the key set. A file that cannot be read ends the start; a URL that does not answer does not: it
    /// is asked again until it does, and credentials cannot be judged meanwhile.
    pub async fn start(config: &Config, http: Http) -> anyhow::Result<Self> {
        crypto::install();
        let keys = match config.auth.jwks.as_deref() {
            Some(jwks) => {
                let source = Source::parse(jwks)?;
                Keys::follow(source, http, config.auth.refresh_interval).await?
            }
            None => development_keys(config)?,
        };
        let expectations = Arc::new(Expectations::new(&config.auth));
        Ok(Self { keys, expectations })
    }

    /// For a process that answers nobody: it knows no keys, and asks for none.
    pub fn for_nobody(config: &Config) -> Self {
        Self {
            keys: Keys::none(),
            expectations: Arc::new(Expectations::new(&config.auth)),
        }
    }

    /// Whether there are keys to judge credentials with.
    pub fn is_ready(&self) -> bool {
        self.keys.current().is_some()
    }

    /// Verifies the request's credential.
    pub async fn identify(&self, _: &Method, headers: &HeaderMap) -> Result<Caller, Anonymous> {
        let token = bearer::token(headers)?;
        let known = self.keys.current().ok_or(Anonymous::Unavailable)?;
        let digest = memo::digest(token);
        if let Some(caller) = known.memo.get(&digest) {
            return Ok(caller);
        }
        let header = decode_header(token).map_err(|_| claims::MALFORMED)?;
        let known = self.with_key_of(known, &header).await;
        let key = known.key_set.find(&header).map_err(claims::refused_key)?;
        let verified = self.expectations.verify(token, &header, key)?;
        known.memo.insert(digest, &verified);
        Ok(verified.caller)
    }

    /// `known`, or what is known after a fetch when the token is of a key that is not in it: keys rotate, and
    /// the first token of a new one may be here before the next refresh.
    async fn with_key_of(&self, known: Arc<Known>, header: &Header) -> Arc<Known> {
        match known.key_set.find(header) {
            Err(NoKey::Unknown) => self.keys.renewed().await.unwrap_or(known),
            _ => known,
        }
    }
}

fn development_keys(config: &Config) -> anyhow::Result<Keys> {
    ensure!(
        config.stage == Stage::Development,
        "APP__AUTH__JWKS must be set in production: the development key pair is refused there"
    );
    let pair = KeyPair::load_or_create(&config.data.directory)?;
    Ok(Keys::fixed(pair.key_set()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_credential_is_challenged_without_an_error() {
        let realm = format!("Bearer realm=\"{}\"", env!("CARGO_PKG_NAME"));
        assert_eq!(challenge(Anonymous::Missing), realm);
        let invalid = challenge(Anonymous::Invalid("the token has expired"));
        let error = "error=\"invalid_token\", error_description=\"the token has expired\"";
        assert_eq!(invalid, format!("{realm}, {error}"));
    }
}
