//! Whose tokens are accepted.

use std::time::Duration;

use super::Environment;

#[derive(Clone, Debug)]
pub struct Auth {
    /// The identity provider's key set: an `https://` URL or a file. In development, without one, the first
    /// start makes a key pair in the data folder.
    pub jwks: Option<String>,
    pub issuer: String,
    pub audience: String,
    /// How far the clocks of the issuer and of this machine may differ.
    pub leeway: Duration,
    /// How often the key set is fetched again, so that withdrawn keys stop working.
    pub refresh_interval: Duration,
}

impl Auth {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let jwks = environment.optional::<String>("APP__AUTH__JWKS");
        environment.required_in_production(
            "APP__AUTH__JWKS",
            jwks.is_some(),
            "tokens are verified with the identity provider's public keys",
        );
        let issuer = environment.text("APP__AUTH__ISSUER", "development");
        environment.required_in_production(
            "APP__AUTH__ISSUER",
            issuer != "development",
            "it is the `iss` claim of the identity provider's tokens",
        );
        let plaintext = jwks.as_deref().is_some_and(|jwks| jwks.starts_with("http://"));
        let refused = plaintext && !environment.is_development();
        environment.rule(!refused, || {
            "APP__AUTH__JWKS must be an https:// URL or a file in production: \
             whoever answers plain HTTP decides who may call"
                .to_owned()
        });
        Self {
            jwks,
            issuer,
            audience: environment.text("APP__AUTH__AUDIENCE", env!("CARGO_PKG_NAME")),
            leeway: environment.value("APP__AUTH__LEEWAY", "10s"),
            refresh_interval: environment.duration("APP__AUTH__REFRESH_INTERVAL", "15m"),
        }
    }
}
