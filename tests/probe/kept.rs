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
        source.replace_everywhere("/v1/answers", "/v2/replies");
    });
    assert_eq!(with(CaseOutcome::Kept, &cases), ALL, "{}", reasons(&cases));
}

/// The sample's modules, and the kinds of its jobs.
const SAMPLE: [&str; 5] = ["documents", "likeness", "reports", "usage", "hooks"];
const KINDS: [&str; 2] = ["Report", "Hook"];

#[test]
fn the_sample_removed() {
    let cases = Workshop::enter_without_model().probe_with(|source| {
        for module in SAMPLE {
            source.remove(&format!("src/app/{module}.rs"));
            source.edit("src/app/mod.rs", |text| text.replace(&format!("pub mod {module};\n"), ""));
        }
        source.remove("src/data/documents.rs");
        source.edit("src/data/mod.rs", |text| text.replace("pub mod documents;\n", ""));
        source.edit("src/jobs/kind.rs", |text| without_imports(without_kinds(text)));
        source.edit("src/app/router.rs", |text| without_imports(without_routes(text)));
        source.write("src/app/ping.rs", PING);
        source
            .edit("src/app/mod.rs", |text| text.replace("pub mod router;", "pub mod ping;\npub mod router;"));
        let (from, to) = ("openapi::frame())", "openapi::frame()).routes(routes!(super::ping::get))");
        source.apply(&Change { file: "src/app/router.rs", from, to });
    });
    let gone = ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9"];
    assert_eq!(with(CaseOutcome::NotClaimed, &cases), gone, "{}", reasons(&cases));
    assert_eq!(with(CaseOutcome::Kept, &cases), ["P10", "P11", "P12"], "{}", reasons(&cases));
}

/// Without the arms and the names of the sample's kinds.
fn without_kinds(text: String) -> String {
    let text = KINDS.iter().fold(text, |text, kind| text.replace(&format!("Self::{kind} | "), ""));
    let is_gone = |line: &str| {
        KINDS.iter().any(|kind| {
            let (line, name) = (line.trim(), format!("Self::{kind}"));
            line.starts_with(&format!("{name} ")) || line == format!("{name},") || line == format!("{kind},")
        })
    };
    let kept: String = text.split_inclusive('\n').filter(|line| !is_gone(line)).collect();
    KINDS.iter().fold(kept, |text, kind| text.replace(&format!(" | Self::{kind}"), ""))
}

/// Without the calls that mount the sample's operations.
fn without_routes(text: String) -> String {
    const CALL: &str = ".routes(routes!(";
    let mut parts = text.split(CALL);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (operations, rest) = part.split_once("))").expect("the call's end");
        if SAMPLE.iter().any(|module| operations.trim_start().starts_with(&format!("{module}::"))) {
            kept.push_str(rest.trim_start());
        } else {
            kept.push_str(&format!("{CALL}{operations})){rest}"));
        }
    }
    kept
}

/// Without the sample's modules in the first list of imports that has each.
fn without_imports(text: String) -> String {
    SAMPLE.iter().fold(text, |text, module| {
        let forms = [
            (format!("app::{module}, "), ""),
            (format!(" {module}, "), " "),
            (format!("{{{module}, "), "{"),
            (format!(", {module},"), ","),
            (format!(", {module}}}"), "}"),
            (format!("{{{module}}}"), "{}"),
        ];
        let found = forms.iter().find(|(form, _)| text.contains(form));
        found.map_or(text.clone(), |(form, to)| text.replacen(form, to, 1))
    })
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
