//! Whose tokens are accepted.

use std::time::Duration;

use super::Environment;

/// Clocks that differ by more than this are broken, and should be mended.
const LONGEST_LEEWAY: Duration = Duration::from_secs(5 * 60);

/// The identity provider is not to be asked more often than this.
const SHORTEST_REFRESH: Duration = Duration::from_secs(1);

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
        let auth = Self {
            jwks: environment.optional("APP__AUTH__JWKS"),
            issuer: environment.text("APP__AUTH__ISSUER", "development"),
            audience: environment.text("APP__AUTH__AUDIENCE", env!("CARGO_PKG_NAME")),
            leeway: environment.value("APP__AUTH__LEEWAY", "10s"),
            refresh_interval: environment.duration("APP__AUTH__REFRESH_INTERVAL", "15m"),
        };
        auth.check_jwks(environment);
        auth.check_claims(environment);
        environment.rule(auth.leeway <= LONGEST_LEEWAY, || {
            "APP__AUTH__LEEWAY must be at most 5m: tokens would work for as long after they expired"
                .to_owned()
        });
        environment.rule(auth.refresh_interval >= SHORTEST_REFRESH, || {
            "APP__AUTH__REFRESH_INTERVAL must be at least 1s: every instance asks this often"
                .to_owned()
        });
        auth
    }

    /// Who may call, for whoever starts it.
    pub fn summary(&self) -> String {
        let keys = self.jwks.as_deref();
        let keys = keys.unwrap_or("a development key pair in the data folder");
        format!("with tokens of {keys}")
    }

    fn check_jwks(&self, environment: &mut Environment) {
        environment.required_in_production(
            "APP__AUTH__JWKS",
            self.jwks.is_some(),
            "tokens are verified with the identity provider's public keys",
        );
        let Some(jwks) = self.jwks.as_deref() else {
            return;
        };
        let is_url = jwks.contains("://");
        let is_http = ["https://", "http://"]
            .iter()
            .any(|scheme| jwks.starts_with(scheme));
        let is_well_formed =
            !jwks.is_empty() && (!is_url || is_http && jwks.parse::<reqwest::Url>().is_ok());
        environment.rule(is_well_formed, || {
            format!("APP__AUTH__JWKS is {jwks:?}: expected an https:// URL or the path of a file")
        });
        let is_plaintext = jwks.starts_with("http://");
        let is_refused = is_plaintext && !environment.is_development();
        environment.rule(!is_refused, || {
            "APP__AUTH__JWKS must be an https:// URL or a file in production: \
             whoever answers plain HTTP decides who may call"
                .to_owned()
        });
    }

    fn check_claims(&self, environment: &mut Environment) {
        environment.required_in_production(
            "APP__AUTH__ISSUER",
            self.issuer != "development",
            "it is the `iss` claim of the identity provider's tokens",
        );
        for (name, value) in [
            ("APP__AUTH__ISSUER", &self.issuer),
            ("APP__AUTH__AUDIENCE", &self.audience),
        ] {
            environment.rule(!value.is_empty(), || format!("{name} must not be empty"));
        }
    }
}
