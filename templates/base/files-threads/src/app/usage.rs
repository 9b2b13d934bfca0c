//! What a tenant stores. It is an aggregate over all its rows, so it is cached for a moment: the sample of a
//! read that may be a little old.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::context::Context;
use crate::{
    data::{
        blocking::documents as rows,
        cache_key::{CacheKey, Scope},
    },
    edge::problem::Problem,
};

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    documents: i64,
    /// Of all titles and bodies.
    characters: i64,
}

/// Read what the caller's tenant stores
#[utoipa::path(
    get, path = "/v1/usage", tag = "documents",
    responses((status = 200, body = Usage, description = "May be a few seconds old")),
    security(("bearer" = ["documents:read"])),
)]
pub fn get(mut context: Context) -> Result<Json<Usage>, Problem> {
    let cache = context.cache();
    let tenant = context.caller().tenant.clone();
    let key = CacheKey::new(Scope::Tenant(context.caller()), "usage", &[]);
    let usage = cache.get_or_load(key, || {
        let rows::Usage {
            documents,
            characters,
        } = rows::usage(&mut *context.read_stale()?, &tenant)?;
        Ok(Usage {
            documents,
            characters,
        })
    })?;
    Ok(Json(usage))
}
