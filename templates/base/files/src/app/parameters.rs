//! Parameters of paths and queries, refused as problems.

use std::error::Error as _;

use axum::{
    extract::{FromRequestParts, Path, Query as RawQuery, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::edge::problem::Problem;

/// The id in a path. Text that is no id names nothing, so it is not found.
#[derive(Clone, Copy, Debug)]
pub struct Id(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(Problem::not_found().into_response()),
        }
    }
}

/// The query, read into `T`; the refusal names the parameter.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match RawQuery::from_request_parts(parts, state).await {
            Ok(RawQuery(query)) => Ok(Self(query)),
            Err(refused) => Err(refusal(&refused).into_response()),
        }
    }
}

/// In our words: axum's begin with what it failed to do, and only their cause says which parameter it was.
fn refusal(refused: &QueryRejection) -> Problem {
    let cause = refused.source().map(ToString::to_string);
    let cause = cause.unwrap_or_else(|| refused.body_text());
    Problem::bad_request(format!("the query does not hold: {cause}"))
}
