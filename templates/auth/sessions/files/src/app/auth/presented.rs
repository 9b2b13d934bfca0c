//! The session's id in a request's head.

use axum::{extract::FromRequestParts, response::IntoResponse as _};
use http::{HeaderMap, Method, StatusCode, request::Parts};
use serde::Serialize;
use utoipa::ToSchema;

use super::{UNKNOWN, bearer, cookie, id::Id, origin};
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

/// What a page of another site makes a browser send is not what its user wants.
const FOREIGN: Anonymous =
    Anonymous::Invalid("the cookie does not count in what a page of another site asks for");

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    pub id: Id,
    pub carrier: Carrier,
}

impl Presented {
    /// A bearer token was put there on purpose, so it counts before a cookie, which comes along by itself.
    fn of(headers: &HeaderMap) -> Result<Self, Anonymous> {
        let (text, carrier) = match bearer::token(headers) {
            Err(Anonymous::Missing) => (cookie::value(headers)?, Carrier::Cookie),
            token => (token?, Carrier::Bearer),
        };
        let id = Id::parse(text).ok_or(UNKNOWN)?;
        Ok(Self { id, carrier })
    }

    /// The same, if it counts for this method: a cookie does for a change only where the browser says that it was asked for
    /// by a page of this service.
    pub fn counting(method: &Method, headers: &HeaderMap) -> Result<Self, Anonymous> {
        let presented = Self::of(headers)?;
        let is_foreign = presented.carrier == Carrier::Cookie && !origin::is_own(headers);
        if is_foreign && !method.is_safe() {
            return Err(FOREIGN);
        }
        Ok(presented)
    }
}

/// For handlers of operations that need a session: it was found before.
impl FromRequestParts<App> for Presented {
    type Rejection = axum::response::Response;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        let problem = |_| Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated").into_response();
        Self::counting(&parts.method, &parts.headers).map_err(problem)
    }
}
