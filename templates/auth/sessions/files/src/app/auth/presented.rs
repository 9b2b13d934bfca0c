//! The session's id in a request's head.

use axum::{extract::FromRequestParts, response::IntoResponse as _};
use http::{HeaderMap, StatusCode, request::Parts};
use serde::Serialize;
use utoipa::ToSchema;

use super::{UNKNOWN, bearer, cookie, id::Id};
use crate::{
    app::{caller::Anonymous, state::App},
    edge::problem::Problem,
};

/// How an id travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// Browsers send it by themselves.
    Cookie,
    /// Whoever calls puts it into `Authorization`.
    Bearer,
}

impl Carrier {
    /// A cookie, unless it says otherwise; none where it says what is none of them.
    pub fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("cookie") => Some(Self::Cookie),
            Some("bearer") => Some(Self::Bearer),
            Some(_) => None,
        }
    }

    /// The value of `Set-Cookie` for a new id; none where the answer's body has it.
    pub fn cookie(self, id: &Id) -> Option<String> {
        (self == Self::Cookie).then(|| cookie::kept(id))
    }

    /// The same when the session is over.
    pub fn no_cookie(self) -> Option<String> {
        (self == Self::Cookie).then(cookie::forgotten)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    pub id: Id,
    pub carrier: Carrier,
}

impl Presented {
    /// A bearer token was put there on purpose, so it counts before a cookie, which comes along by itself.
    pub fn of(headers: &HeaderMap) -> Result<Self, Anonymous> {
        let (text, carrier) = match bearer::token(headers) {
            Err(Anonymous::Missing) => (cookie::value(headers)?, Carrier::Cookie),
            token => (token?, Carrier::Bearer),
        };
        let id = Id::parse(text).ok_or(UNKNOWN)?;
        Ok(Self { id, carrier })
    }
}

/// For handlers of operations that need a session: it was found before.
impl FromRequestParts<App> for Presented {
    type Rejection = axum::response::Response;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        let problem = |_| Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated").into_response();
        Self::of(&parts.headers).map_err(problem)
    }
}
