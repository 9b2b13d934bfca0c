//! How the OpenAPI document describes the credential.

use serde_json::{Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::DEFAULT_SCOPES;

/// The scheme's name in the document.
pub const SCHEME: &str = "bearer";

pub fn security_scheme() -> SecurityScheme {
    let description = "The id of a session, which `POST /v1/session` begins: as a bearer token, or in the cookie \
        `__Host-session`, which counts for a change only if a page of this service's own origin asks for it.";
    SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
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
