//! Promises belong to the service, not to the sample: it can be renamed, removed, and joined by others.

use formwork::check::report::CaseOutcome;

use crate::workshop::{ALL, Change, Source, Workshop, reasons, with};

/// What only a service that asks a model can promise.
const OF_MODELS: [&str; 4] = ["P4", "P6", "P7", "P8"];

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
    source.write("src/app/notes.rs", &NOTES.replace("ONCE", once));
    source.apply(&Change {
        file: "src/app/mod.rs",
        from: "pub mod openapi;",
        to: "pub mod notes;\npub mod openapi;",
    });
    source.apply(&Change {
        file: "src/app/router.rs",
        from: ".routes(routes!(usage::get))",
        to: ".routes(routes!(usage::get))\n        .routes(routes!(super::notes::create))",
    });
}

#[test]
fn the_service_as_it_is_poured() {
    let cases = Workshop::enter().probe(&[]);
    assert_eq!(with(CaseOutcome::Kept, &cases), ALL, "{}", reasons(&cases));
}

#[test]
fn a_service_that_asks_no_model() {
    let cases = Workshop::enter_without_model().probe(&[]);
    assert_eq!(with(CaseOutcome::NotClaimed, &cases), OF_MODELS, "{}", reasons(&cases));
    let kept: Vec<&str> = ALL.into_iter().filter(|promise| !OF_MODELS.contains(promise)).collect();
    assert_eq!(with(CaseOutcome::Kept, &cases), kept, "{}", reasons(&cases));
}

#[test]
fn the_sample_renamed() {
    let cases = Workshop::enter().probe_with(|source| {
        source.replace_everywhere("/v1/documents", "/v2/papers");
        source.replace_everywhere("documents:write", "papers:write");
        source.replace_everywhere("documents:read", "papers:read");
    });
    assert_eq!(with(CaseOutcome::Kept, &cases), ALL, "{}", reasons(&cases));
}

#[test]
fn the_sample_removed() {
    let cases = Workshop::enter_without_model().probe_with(|source| {
        for file in ["src/app/documents.rs", "src/app/reports.rs", "src/app/usage.rs", "src/data/documents.rs"] {
            source.remove(file);
        }
        let lines = [
            ("src/app/mod.rs", "pub mod documents;\n"),
            ("src/app/mod.rs", "pub mod reports;\n"),
            ("src/app/mod.rs", "pub mod usage;\n"),
            ("src/data/mod.rs", "pub mod documents;\n"),
            ("src/app/router.rs", "        .routes(routes!(documents::create, documents::list))\n"),
            ("src/app/router.rs", "        .routes(routes!(\n            documents::get,\n            documents::replace,\n            documents::remove\n        ))\n"),
            ("src/app/router.rs", "        .routes(routes!(usage::get))\n"),
            ("src/app/router.rs", "        .routes(routes!(reports::create))\n"),
            ("src/app/router.rs", "documents, "),
            ("src/app/router.rs", "reports, "),
            ("src/jobs/kind.rs", "    Report,\n"),
            ("src/jobs/kind.rs", "app::reports, "),
            ("src/jobs/kind.rs", "            Self::Report => \"report\",\n"),
            ("src/jobs/kind.rs", "            Self::Report => 4,\n"),
            ("src/jobs/kind.rs", "            Self::Report => Duration::from_secs(300),\n"),
            ("src/jobs/kind.rs", "            Self::Report => 5,\n"),
            ("src/jobs/kind.rs", "            Self::Report => reports::run(work, read(payload)?).await,\n"),
            ("src/app/router.rs", ", usage}"),
        ];
        for (file, from) in lines {
            source.apply(&Change { file, from, to: if from.ends_with('}') { "}" } else { "" } });
        }
        source.replace_everywhere("[Self; 2] = [Self::Purge, Self::Report]", "[Self; 1] = [Self::Purge]");
        source.write("src/app/ping.rs", PING);
        source.apply(&Change { file: "src/app/mod.rs", from: "pub mod router;", to: "pub mod ping;
pub mod router;" });
        let (from, to) = ("openapi::frame())", "openapi::frame()).routes(routes!(super::ping::get))");
        source.apply(&Change { file: "src/app/router.rs", from, to });
    });
    let gone = ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9"];
    assert_eq!(with(CaseOutcome::NotClaimed, &cases), gone, "{}", reasons(&cases));
    assert_eq!(with(CaseOutcome::Kept, &cases), ["P10", "P11", "P12"], "{}", reasons(&cases));
}

#[test]
fn an_endpoint_of_the_owners_own() {
    let cases = Workshop::enter().probe_with(|source| add_notes(source, "key"));
    assert_eq!(with(CaseOutcome::Kept, &cases), ALL, "{}", reasons(&cases));
}

#[test]
fn an_own_endpoint_that_claims_too_much_is_named() {
    let cases = Workshop::enter().probe_with(|source| {
        add_notes(source, "{ drop(key); Key::none() }");
        source.apply(&Change {
            file: "src/app/idempotency.rs",
            from: "/// Runs `work` in a transaction",
            to: "impl Key {\n    pub fn none() -> Self {\n        Self(None)\n    }\n}\n\n/// Runs `work` in a transaction",
        });
    });
    assert_eq!(with(CaseOutcome::Broken, &cases), ["P3"], "{}", reasons(&cases));
    let reasons = reasons(&cases);
    assert!(reasons.contains("POST /v1/notes") && !reasons.contains("/v1/documents"), "{reasons}");
}
