//! The endpoint that a request names, to be told when its job is done.

use uuid::Uuid;

use crate::{
    app::context::Context, data::blocking::webhooks::endpoints as rows, edge::problem::Problem,
};

/// Whom to tell when it is done.
pub(in crate::app) struct Callback {
    pub(in crate::app) endpoint: Uuid,
    pub(in crate::app) url: String,
}

/// Where a request's `callback_url` leads: to an endpoint of the tenant, whose URL may have got a query.
pub(in crate::app) fn callback(context: &mut Context, text: &str) -> Result<Callback, Problem> {
    let refused = |reason: &str| Problem::invalid_field("/callback_url", reason);
    let url = context.app().guard.check(text).map_err(refused)?;
    let mut bare = url.clone();
    bare.set_query(None);
    let urls = [url.as_str(), bare.as_str()];
    let tenant = context.caller().tenant.clone();
    let row = rows::find_by_url(&mut *context.read()?, &tenant, urls)?;
    let row = row.ok_or_else(|| refused("is not the URL of a webhook endpoint of yours"))?;
    match row.disabled {
        Some(_) => Err(refused("leads to a webhook endpoint that is disabled")),
        None => Ok(Callback {
            endpoint: row.id,
            url: url.into(),
        }),
    }
}
