//! The `token` command: what an identity provider does in production, for development.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;

use super::{DEFAULT_SCOPES, crypto, development::KeyPair};
use crate::{
    app::state::App,
    config::{Config, Stage},
};

/// How long the start page can be used before it must be loaded again.
const SESSION: Duration = Duration::from_secs(8 * 60 * 60);

/// How long ago an expired token expired: longer than any leeway.
const EXPIRED_FOR: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, clap::Args)]
pub struct Token {
    /// Who is calling
    #[arg(long, default_value = "developer", value_parser = NonEmptyStringValueParser::new())]
    subject: String,
    /// Whose data it sees [default: the subject]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    tenant: Option<String>,
    /// What it may do, separated by spaces
    #[arg(long, default_value = DEFAULT_SCOPES)]
    scope: String,
    /// Whom it is for [default: this service]
    #[arg(long)]
    audience: Option<String>,
    /// How long it is valid, such as 15m or 8h
    #[arg(long, default_value = "15m", value_parser = humantime::parse_duration)]
    ttl: Duration,
    /// Make one that expired an hour ago, to see it refused
    #[arg(long, conflicts_with = "ttl")]
    expired: bool,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    tenant: &'a str,
    scope: &'a str,
    exp: u64,
}

/// What the start page sends as `Authorization`; none where tokens are made by somebody else.
pub async fn development_credential(app: &App) -> Option<String> {
    let token = Token {
        subject: "developer".to_owned(),
        tenant: None,
        scope: DEFAULT_SCOPES.to_owned(),
        audience: None,
        ttl: SESSION,
        expired: false,
    };
    Some(format!("Bearer {}", token.sign(&app.config).ok()?))
}

impl Token {
    /// The command.
    pub async fn run(self, config: &Config) -> anyhow::Result<String> {
        self.sign(config)
    }

    /// A token signed with the key pair of the data folder, which is made if there is none.
    pub fn sign(self, config: &Config) -> anyhow::Result<String> {
        ensure!(
            config.stage == Stage::Development,
            "tokens are made in development only (APP__ENVIRONMENT=development); \
             in production they come from the identity provider"
        );
        ensure!(
            config.auth.jwks.is_none(),
            "APP__AUTH__JWKS is set, so only tokens of its keys are accepted: \
             get one from their issuer, or unset it to use the development key pair"
        );
        crypto::install();
        let pair = KeyPair::load_or_create(&config.data.directory)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let exp = if self.expired {
            now.saturating_sub(EXPIRED_FOR)
        } else {
            now + self.ttl
        };
        pair.sign(&Claims {
            iss: &config.auth.issuer,
            aud: self.audience.as_deref().unwrap_or(&config.auth.audience),
            sub: &self.subject,
            tenant: self.tenant.as_deref().unwrap_or(&self.subject),
            scope: &self.scope,
            exp: exp.as_secs(),
        })
    }
}
