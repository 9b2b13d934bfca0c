//! Tells whoever asked for a job that it has ended.

use serde_json::json;
use uuid::Uuid;

use super::Message;
use crate::data::{connection::Connection, error::Error, webhooks::callbacks};

/// Enqueues the message in the transaction that ends the job, if somebody wants it. Whether there is one, so that
/// the caller publishes the news of it.
pub async fn ended(connection: &mut Connection, job: Uuid) -> Result<bool, Error> {
    let Some(callback) = callbacks::find(connection, job).await? else {
        return Ok(false);
    };
    let message = Message {
        tenant: &callback.tenant,
        endpoint: callback.endpoint,
        url: &callback.url,
        event: &format!("{}.finished", callback.kind),
        data: json!({ "job": job, "state": callback.state.name() }),
    };
    message.enqueue(connection).await?;
    Ok(true)
}
