//! What was found of what the service needs and of what helps it, and how whoever asks is told.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// `None` is well, text says what is not.
#[derive(Clone, Debug)]
pub(super) struct Findings {
    needs: Vec<(&'static str, Option<String>)>,
    /// Without them the service goes on, if less well: that one is down is a warning, and no reason to send requests
    /// elsewhere.
    helps: Vec<(&'static str, Option<String>)>,
}

impl Findings {
    pub(super) fn of<const N: usize>(needs: [(&'static str, Option<String>); N]) -> Self {
        Self {
            needs: needs.into(),
            helps: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, name: &'static str, problem: Option<String>) {
        self.needs.push((name, problem));
    }

    pub(super) fn with_help(mut self, name: &'static str, problem: Option<String>) -> Self {
        self.helps.push((name, problem));
        self
    }
}

impl IntoResponse for Findings {
    fn into_response(self) -> Response {
        let are_well = |findings: &[(&str, Option<String>)]| {
            findings.iter().all(|(_, problem)| problem.is_none())
        };
        let (status, word) = match (are_well(&self.needs), are_well(&self.helps)) {
            (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "fail"),
            (true, false) => (StatusCode::OK, "warn"),
            (true, true) => (StatusCode::OK, "pass"),
        };
        let needs = self.needs.into_iter().map(|need| told(need, "fail"));
        let helps = self.helps.into_iter().map(|help| told(help, "warn"));
        let checks: Map<String, Value> = needs.chain(helps).collect();
        let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        let told = Json(json!({ "status": word, "checks": checks }));
        (status, headers, told).into_response()
    }
}

fn told((name, problem): (&str, Option<String>), word: &str) -> (String, Value) {
    let check = match problem {
        None => json!({ "status": "pass" }),
        Some(output) => json!({ "status": word, "output": output }),
    };
    (name.to_owned(), check)
}
