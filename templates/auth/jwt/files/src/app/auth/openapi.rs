//! How the OpenAPI document describes the credential.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

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
