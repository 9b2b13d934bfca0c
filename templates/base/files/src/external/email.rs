//! Mails, handed in at a provider's HTTP interface. The worked example of a client of somebody else's service: a type
//! for what is asked, one method that asks, and `resilience` for all that can go wrong.
//!
//! The body is as Resend takes it; others name the fields differently.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    http::Http,
    resilience::{Error, Guard, retry_after},
};
use crate::{app::idempotency, config, edge::deadline::Deadline};

/// As telemetry names it.
const SERVICE: &str = "email";

/// How many mails are handed in at once, and how long one waits for its turn.
const PLACES: u32 = 8;
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// One request.
const LONGEST: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// The client. There is one a process, and no other way to it than `External::send_mail`.
pub struct Email {
    config: config::Email,
    http: Http,
    guard: Guard,
}

#[derive(Serialize)]
struct Message<'a> {
    from: &'a str,
    #[serde(flatten)]
    mail: &'a Mail,
}

impl Email {
    pub fn new(config: &config::Email, http: Http) -> Self {
        Self {
            config: config.clone(),
            http,
            guard: Guard::new(SERVICE, PLACES, QUEUE_TIMEOUT),
        }
    }

    /// Hands the mail in, once for each `key` however often it is tried: the provider knows it again.
    pub async fn send(&self, mail: &Mail, key: Uuid, deadline: Deadline) -> Result<(), Error> {
        if self.config.url.is_none() {
            let Mail { to, subject, .. } = mail;
            tracing::info!(
                to,
                subject,
                "a mail that is not sent: APP__EMAIL__URL is not set"
            );
            return Ok(());
        }
        let post = || self.post(mail, key, deadline);
        self.guard.call(deadline, post).await
    }

    async fn post(&self, mail: &Mail, key: Uuid, deadline: Deadline) -> Result<(), Error> {
        let url = self.config.url.as_deref().unwrap_or_default();
        let from = &self.config.from;
        let mut request = self.http.client().post(url).json(&Message { from, mail });
        request = request.header(idempotency::HEADER, key.to_string());
        if let Some(token) = &self.config.token {
            request = request.bearer_auth(token.expose());
        }
        let response = self.http.send(request, deadline.within(LONGEST)).await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(Error::Refused {
            status: response.status().as_u16(),
            wait: retry_after::wait(response.headers()),
        })
    }
}
