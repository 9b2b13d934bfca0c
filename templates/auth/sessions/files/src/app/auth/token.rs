//! The `token` command: a session without a login, for development.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::builder::NonEmptyStringValueParser;
use ring::digest::{SHA256, digest};
use uuid::Uuid;

use super::{Authenticator, DEFAULT_SCOPES};
use crate::{
    app::{caller::Caller, state::App},
    config::{Config, Stage},
};

#[derive(Debug, clap::Args)]
pub struct Token {
    /// Who is calling; it need not be a user
    #[arg(long, default_value = "developer", value_parser = NonEmptyStringValueParser::new())]
    subject: String,
    /// Whose data it sees [default: the subject]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    tenant: Option<String>,
    /// What it may do, separated by spaces
    #[arg(long, default_value = DEFAULT_SCOPES)]
    scope: String,
}

/// What the start page sends as `Authorization`; none where Redis does not answer.
pub async fn development_credential(app: &App) -> Option<String> {
    let token = Token {
        subject: "developer".to_owned(),
        tenant: None,
        scope: DEFAULT_SCOPES.to_owned(),
    };
    let id = token.begin(&app.config, &app.authenticator).await.ok()?;
    Some(format!("Bearer {id}"))
}

impl Token {
    /// The id of a new session.
    pub async fn run(self, config: &Config) -> anyhow::Result<String> {
        self.begin(config, &Authenticator::for_nobody(config)).await
    }

    async fn begin(self, config: &Config, authenticator: &Authenticator) -> anyhow::Result<String> {
        ensure!(
            config.stage == Stage::Development,
            "sessions are begun without a login in development only (APP__ENVIRONMENT=development); \
             in production a user logs in: POST /v1/session"
        );
        let scopes = self.scope.split_whitespace().map(str::to_owned);
        let caller = Caller {
            tenant: self.tenant.unwrap_or_else(|| self.subject.clone()),
            subject: self.subject,
            scopes: Arc::new(scopes.collect()),
        };
        let begun = authenticator.begin(owner(&caller), &caller).await;
        let begun = begun.context("Redis, where sessions are (APP__CACHE__URL)")?;
        Ok(begun.id.expose().to_owned())
    }
}

/// The same for the same caller, and no user's: of those the id is a time and chance.
fn owner(caller: &Caller) -> Uuid {
    let Caller {
        tenant, subject, ..
    } = caller;
    let name = format!("{}:{tenant}:{subject}", tenant.len());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(&SHA256, name.as_bytes()).as_ref()[..16]);
    Uuid::from_bytes(bytes)
}
