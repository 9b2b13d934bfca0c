//! What was found of what the service needs, and how whoever asks is told.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// `None` is well, text says what is not.
#[derive(Clone, Debug)]
pub(super) struct Findings(Vec<(&'static str, Option<String>)>);

impl Findings {
    pub(super) fn of<const N: usize>(needs: [(&'static str, Option<String>); N]) -> Self {
        Self(needs.into())
    }

    pub(super) fn add(&mut self, name: &'static str, problem: Option<String>) {
        self.0.push((name, problem));
    }
}

impl IntoResponse for Findings {
    fn into_response(self) -> Response {
        let is_well = self.0.iter().all(|(_, problem)| problem.is_none());
        let (status, word) = if is_well {
            (StatusCode::OK, "pass")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "fail")
        };
        let checks: Map<String, Value> = self
            .0
            .into_iter()
            .map(|(name, problem)| match problem {
                None => (name.to_owned(), json!({ "status": "pass" })),
                Some(output) => (
                    name.to_owned(),
                    json!({ "status": "fail", "output": output }),
                ),
            })
            .collect();
        let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        let told = Json(json!({ "status": word, "checks": checks }));
        (status, headers, told).into_response()
    }
}
