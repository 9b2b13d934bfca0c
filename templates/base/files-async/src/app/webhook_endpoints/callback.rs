//! The endpoint that a request names, to be told when its job is done.

use reqwest::Url;
use uuid::Uuid;

use crate::{
    app::context::Context,
    data::{connection::Connection, webhooks::endpoints as rows},
    edge::problem::Problem,
};

/// Where a request's `callback_url` leads, of a form that a webhook may have.
pub(in crate::app) fn checked(context: &Context, text: &str) -> Result<Url, Problem> {
    context.app().guard.check(text).map_err(refused)
}

/// The tenant's endpoint that it leads to, whose URL may have got a query. What is found may change: a request that comes
/// again is not to be judged by it.
pub(in crate::app) async fn endpoint(
    connection: &mut Connection,
    tenant: &str,
    url: &Url,
) -> Result<Uuid, Problem> {
    let mut bare = url.clone();
    bare.set_query(None);
    let row = rows::find_by_url(connection, tenant, [url.as_str(), bare.as_str()]).await?;
    let row = row.ok_or_else(|| refused("is not the URL of a webhook endpoint of yours"))?;
    match row.disabled {
        Some(_) => Err(refused("leads to a webhook endpoint that is disabled")),
        None => Ok(row.id),
    }
}

fn refused(reason: &str) -> Problem {
    Problem::invalid_field("/callback_url", reason)
}
