//! The OpenAPI document. It is more than a description: `app::access` takes from it who may call what, and
//! `formwork check` which endpoint promises what. `docs/openapi.json` is the committed copy.

use serde_json::json;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, extensions::ExtensionsBuilder,
};

use super::auth;

/// The frame that `app::router` fills with operations.
pub fn frame() -> OpenApi {
    let claims = json!({
        "promises": ["P10", "P11", "P12"],
        "credential": auth::credential(),
    });
    let mut document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title(env!("CARGO_PKG_NAME"))
                .version("1"),
        )
        .components(Some(
            ComponentsBuilder::new()
                .security_scheme(auth::SCHEME, auth::security_scheme())
                .build(),
        ))
        .build();
    document.extensions = Some(ExtensionsBuilder::new().add("x-formwork", claims).build());
    document
}

/// The document as it is served and committed.
pub fn document() -> OpenApi {
    super::router::routes().into_openapi()
}
