//! Where mails are handed in.

use super::{Environment, Secret};

#[derive(Clone, Debug)]
pub struct Email {
    /// Without it no mail is sent; development shows in its log what would have been.
    pub url: Option<String>,
    pub token: Option<Secret>,
    /// The sender of all mails.
    pub from: String,
    is_development: bool,
}

impl Email {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let url: Option<String> = environment.optional("APP__EMAIL__URL");
        let email = Self {
            url: url.filter(|url| !url.is_empty()),
            token: environment.secret("APP__EMAIL__TOKEN"),
            from: environment.optional("APP__EMAIL__FROM").unwrap_or_default(),
            is_development: environment.is_development(),
        };
        email.check(environment);
        email
    }

    fn check(&self, environment: &mut Environment) {
        let Some(url) = &self.url else { return };
        let is_http = url.starts_with("https://") || url.starts_with("http://");
        let is_url = is_http && url.parse::<reqwest::Url>().is_ok();
        environment.rule(is_url, || {
            format!(
                "APP__EMAIL__URL is {url:?}: expected a URL such as https://api.resend.com/emails"
            )
        });
        environment.rule(self.from.contains('@'), || {
            "APP__EMAIL__FROM must be an address, such as Orders <orders@example.com>: \
             APP__EMAIL__URL is set"
                .to_owned()
        });
    }

    /// Whether a caller may ask for mails.
    pub fn is_offered(&self) -> bool {
        self.url.is_some() || self.is_development
    }
}
