//! How the OpenAPI document describes the credential.

use serde_json::{Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::DEFAULT_SCOPES;

/// The scheme's name in the document.
pub const SCHEME: &str = "bearer";

pub fn security_scheme() -> SecurityScheme {
    let description = "A JWT of the identity provider; `scope` says what it may do.";
    SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(description))
            .build(),
    )
}

/// How `formwork check` gets a credential: it runs this binary with `command`.
pub fn credential() -> Value {
    json!({
        "command": ["token", "--subject", "{subject}", "--tenant", "{tenant}", "--scope", "{scope}"],
        "scope": DEFAULT_SCOPES,
        "header": "authorization",
        "value": "Bearer {output}",
    })
}
