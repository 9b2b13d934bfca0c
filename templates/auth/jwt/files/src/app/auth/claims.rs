//! What a token must say to be accepted, and who its caller is then.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, Header, Validation, decode, errors::ErrorKind};
use serde::Deserialize;

use super::{key::Key, key_set::NoKey};
use crate::{
    app::caller::{Anonymous, Caller},
    config,
};

pub(super) const MALFORMED: Anonymous = Anonymous::Invalid("the token is malformed");

/// Whose tokens, and for whom.
pub(super) struct Expectations {
    issuer: String,
    audience: String,
    leeway: Duration,
}

/// A caller, and how long it may be believed without another look at its token.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) caller: Caller,
    pub(super) expires_in: Duration,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// An issuer that names tenants must name one in every token: without, the subject is its own tenant,
    /// and a subject could be called as somebody else's tenant is.
    tenant: Option<String>,
    /// Separated by spaces, as RFC 9068 has it.
    #[serde(default)]
    scope: String,
    /// Seconds since the epoch; RFC 7519 allows fractions.
    exp: f64,
}

impl Expectations {
    pub(super) fn new(config: &config::Auth) -> Self {
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            leeway: config.leeway,
        }
    }

    /// Verifies signature, times, audience and issuer of `token`, whose header was read before.
    pub(super) fn verify(
        &self,
        token: &str,
        header: &Header,
        key: &Key,
    ) -> Result<Verified, Anonymous> {
        if header.crit.is_some() {
            // RFC 7515, section 4.1.11: who does not understand an extension must refuse the token.
            return Err(Anonymous::Invalid(
                "the token needs an extension that is not supported",
            ));
        }
        let claims: Claims = decode(token, &key.decoding, &self.validation(key.algorithm))
            .map_err(|error| refused(error.kind()))?
            .claims;
        claims.accept()
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "sub", "iss", "aud"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.leeway = self.leeway.as_secs();
        validation.validate_nbf = true;
        validation
    }
}

impl Claims {
    fn accept(self) -> Result<Verified, Anonymous> {
        let tenant = self.tenant.unwrap_or_else(|| self.sub.clone());
        if self.sub.is_empty() || tenant.is_empty() {
            return Err(Anonymous::Invalid("the token has an empty sub or tenant"));
        }
        let scopes = self
            .scope
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect();
        let caller = Caller {
            subject: self.sub,
            tenant,
            scopes: Arc::new(scopes),
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let expires_in = Duration::try_from_secs_f64(self.exp - now.as_secs_f64());
        // Within the leeway it is over already.
        Ok(Verified {
            caller,
            expires_in: expires_in.unwrap_or_default(),
        })
    }
}

pub(super) fn refused_key(reason: NoKey) -> Anonymous {
    Anonymous::Invalid(match reason {
        NoKey::Unknown => "the token's key is unknown",
        NoKey::Unnamed => "the token does not name its key (kid)",
        NoKey::OtherAlgorithm => OTHER_ALGORITHM,
    })
}

const OTHER_ALGORITHM: &str = "the token's algorithm is not that of its key";

fn refused(error: &ErrorKind) -> Anonymous {
    Anonymous::Invalid(match error {
        ErrorKind::InvalidSignature => "the token's signature does not hold",
        ErrorKind::InvalidAlgorithm => OTHER_ALGORITHM,
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::InvalidIssuer => "the token is of another issuer",
        ErrorKind::MissingRequiredClaim(_) => "the token lacks one of exp, sub, iss and aud",
        _ => return MALFORMED,
    })
}
