//! How the OpenAPI document describes the credential.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

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
