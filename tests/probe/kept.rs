//! Promises belong to the service, not to the sample: it can be renamed, removed, and joined by others.

use crate::{
    sample::{SAMPLE, without_imports, without_kinds, without_module, without_routes},
    source::{Source, change},
    variant::{Variant, keeps, tests_of},
};

/// An endpoint as an owner would write it. `ONCE` is where its work is done.
const NOTES: &str = r#"
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    body::{Body, Fields, FromFields},
    context::Context,
    idempotency::{self, Answer, Key},
};
use crate::edge::problem::Problem;

#[derive(Debug, ToSchema)]
pub struct NewNote {
    text: String,
}

impl FromFields for NewNote {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { text: fields.text("text", 1, 100) }
    }
}

#[utoipa::path(
    post, path = "/v1/notes",
    request_body = NewNote,
    responses((status = 200)),
    security(("bearer" = ["documents:write"])),
    extensions(("x-formwork" = json!({
        "promises": ["P2", "P3"],
        "example": { "text": "first" },
        "variant": { "text": "second" },
    }))),
)]
pub async fn create(mut context: Context, key: Key, body: Body<NewNote>) -> Result<Response, Problem> {
    let note = json!({ "id": Uuid::now_v7(), "text": body.value.text });
    let key = ONCE;
    idempotency::once(&mut context, key, body.fingerprint, async |_| Answer::json(StatusCode::OK, &note)).await
}
"#;

/// An endpoint that claims nothing.
const PING: &str = r#"
#[utoipa::path(get, path = "/v1/ping", responses((status = 200)), security(("bearer" = ["documents:read"])))]
pub async fn get() -> &'static str {
    "pong"
}
"#;

fn add_notes(source: &mut Source, once: &str) {
    source.write("src/app/notes.rs", source.told(&NOTES.replace("ONCE", once)));
    source.apply(&change("src/app/mod.rs", "pub mod openapi;", "pub mod notes;\npub mod openapi;"));
    source.apply(&change(
        "src/app/router.rs",
        ".routes(routes!(usage::get))",
        ".routes(routes!(usage::get))\n        .routes(routes!(super::notes::create))",
    ));
}

fn the_service_as_it_is_poured() -> Variant {
    keeps(|_| {})
}

fn a_service_that_asks_no_model() -> Variant {
    keeps(|_| {}).without_model().not_claiming(&["P4", "P6", "P7", "P8"])
}

fn the_sample_renamed() -> Variant {
    keeps(|source| {
        source.replace_everywhere("/v1/documents", "/v2/papers");
        source.replace_everywhere("documents:write", "papers:write");
        source.replace_everywhere("documents:read", "papers:read");
        source.replace_everywhere("/v1/answers", "/v2/replies");
    })
}

fn the_sample_removed() -> Variant {
    keeps(|source| {
        for module in SAMPLE {
            source.remove(&format!("src/app/{module}.rs"));
            source.edit("src/app/mod.rs", |text| without_module(&text, module));
        }
        source.remove("src/data/documents.rs");
        source.edit("src/data/mod.rs", |text| without_module(&text, "documents"));
        if source.has("src/data/blocking.rs") {
            source.remove("src/data/blocking/documents.rs");
            source.edit("src/data/blocking.rs", |text| without_module(&text, "documents"));
        }
        source.edit("src/jobs/kind.rs", |text| without_imports(&without_kinds(&text), &SAMPLE));
        source.edit("src/app/router.rs", |text| without_imports(&without_routes(&text, &SAMPLE), &SAMPLE));
        source.write("src/app/ping.rs", source.told(PING));
        source.apply(&change("src/app/mod.rs", "pub mod router;", "pub mod ping;\npub mod router;"));
        let (from, to) = ("openapi::frame())", "openapi::frame()).routes(routes!(super::ping::get))");
        source.apply(&change("src/app/router.rs", from, to));
    })
    .without_model()
    .not_claiming(&["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9"])
}

fn an_endpoint_of_the_owners_own() -> Variant {
    keeps(|source| add_notes(source, "key"))
}

fn an_own_endpoint_that_claims_too_much_is_named() -> Variant {
    let variant = keeps(|source| {
        add_notes(source, "{ drop(key); Key::none() }");
        source.apply(&change(
            "src/app/idempotency.rs",
            "/// Runs `work` in a transaction",
            "impl Key {\n    pub fn none() -> Self {\n        Self(None)\n    }\n}\n\n/// Runs `work` in a transaction",
        ));
    });
    variant.breaking(&["P3"], "POST /v1/notes", "/v1/documents")
}

tests_of![
    the_service_as_it_is_poured,
    a_service_that_asks_no_model,
    the_sample_renamed,
    the_sample_removed,
    an_endpoint_of_the_owners_own,
    an_own_endpoint_that_claims_too_much_is_named,
];
