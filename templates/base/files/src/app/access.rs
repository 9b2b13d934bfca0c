//! Who may call what. The policy is the OpenAPI document's `security`: an operation that states none is
//! refused, so forgetting it shows at once and never opens a door.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, header};
use serde_json::Value;
use utoipa::openapi::OpenApi;

use super::{
    auth,
    caller::{Anonymous, Caller},
    state::App,
};
use crate::edge::problem::Problem;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    Public,
    Scopes(Vec<String>),
}

#[derive(Clone, Debug)]
pub struct Policy(Arc<HashMap<(String, String), Requirement>>);

impl Policy {
    pub fn of(document: &OpenApi) -> Self {
        let document = serde_json::to_value(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten();
            operations.map(move |(method, operation)| (path, method, operation))
        });
        let requirements = operations.filter_map(|(path, method, operation)| {
            let requirement = requirement(&operation["security"])?;
            Some(((method.to_ascii_uppercase(), path.clone()), requirement))
        });
        Self(Arc::new(requirements.collect()))
    }

    fn requirement(&self, method: &Method, path: &str) -> Option<&Requirement> {
        // HEAD is answered by the handler of GET.
        let method = if method == Method::HEAD {
            Method::GET
        } else {
            method.clone()
        };
        self.0.get(&(method.to_string(), path.to_owned()))
    }

    /// The value of `Allow`.
    fn methods(&self, path: &str) -> String {
        let stated = self.0.keys().filter(|(_, stated)| stated == path);
        let mut methods: Vec<&str> = stated.map(|(method, _)| method.as_str()).collect();
        methods.sort_unstable();
        methods.join(", ")
    }
}

/// `[{}]` is public on purpose; no `security` at all is nothing that anybody decided.
fn requirement(security: &Value) -> Option<Requirement> {
    let alternatives = security.as_array()?;
    let scheme = alternatives.first()?.as_object()?;
    if scheme.is_empty() {
        return Some(Requirement::Public);
    }
    let scopes = scheme.get(auth::SCHEME)?.as_array()?;
    Some(Requirement::Scopes(
        scopes
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    ))
}

/// Finds out who calls, for the layers after this one; refuses nobody.
pub async fn identify(app: &App, request: &mut Request) {
    let identified = app
        .authenticator
        .identify(request.method(), request.headers());
    match identified.await {
        Ok(caller) => request.extensions_mut().insert(caller).map(drop),
        Err(reason) => request.extensions_mut().insert(reason).map(drop),
    };
}

/// Refuses who may not call this.
pub async fn authorize(State(policy): State<Policy>, request: Request, next: Next) -> Response {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let Some(requirement) = policy.requirement(request.method(), path) else {
        return not_offered(&policy, path);
    };
    match decide(requirement, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// What the document does not list is not offered, even where a handler exists.
fn not_offered(policy: &Policy, path: &str) -> Response {
    let mut response = Problem::of_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
    if let Ok(methods) = policy.methods(path).try_into() {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

fn decide(requirement: &Requirement, request: &Request) -> Result<(), Problem> {
    let Requirement::Scopes(scopes) = requirement else {
        return Ok(());
    };
    match request.extensions().get::<Caller>() {
        Some(caller) if scopes.iter().all(|scope| caller.scopes.contains(scope)) => Ok(()),
        Some(_) => Err(Problem::new(StatusCode::FORBIDDEN, "insufficient-scope")
            .detail(format!("this needs the scope {}", scopes.join(" ")))),
        None => {
            let reason = request.extensions().get::<Anonymous>().copied();
            Err(unauthenticated(reason.unwrap_or(Anonymous::Missing)))
        }
    }
}

fn unauthenticated(reason: Anonymous) -> Problem {
    let problem =
        |slug| Problem::new(StatusCode::UNAUTHORIZED, slug).challenge(auth::challenge(reason));
    match reason {
        Anonymous::Missing => problem("unauthenticated").detail("this needs a credential"),
        Anonymous::Invalid(why) => problem("invalid-credential").detail(why),
        Anonymous::Unavailable => {
            Problem::overloaded(auth::UNAVAILABLE, std::time::Duration::from_secs(5))
                .detail("credentials cannot be verified now")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::app::openapi;

    #[test]
    fn every_operation_states_its_security() {
        let document = serde_json::to_value(openapi::document()).expect("a document");
        let stated = Policy::of(&openapi::document()).0.len();
        let methods = ["get", "put", "post", "delete", "patch"];
        let items = document["paths"].as_object().expect("paths").values();
        let operations = items.flat_map(|item| item.as_object().expect("an item").keys());
        assert_eq!(
            stated,
            operations
                .filter(|key| methods.contains(&key.as_str()))
                .count()
        );
    }

    #[test]
    fn silence_is_not_public() {
        assert_eq!(requirement(&Value::Null), None);
        assert_eq!(requirement(&json!([])), None);
        assert_eq!(requirement(&json!([{}])), Some(Requirement::Public));
        assert_eq!(requirement(&json!([{ "other": [] }])), None);
    }
}
