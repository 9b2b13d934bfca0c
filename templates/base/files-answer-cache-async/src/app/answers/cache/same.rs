//! The same question, in the same words. That the cache cannot be read is as good as a question that nobody asked.

use tracing::warn;

use crate::{
    app::context::Context,
    data::{
        answer_cache::{Kept, Key, kept},
        error::Error,
    },
};

/// The answer to it, if there is one.
pub(super) async fn find(context: &mut Context, key: &Key) -> Option<Kept> {
    read(context, key).await.unwrap_or_else(unreadable)
}

async fn read(context: &mut Context, key: &Key) -> Result<Option<Kept>, Error> {
    let tenant = context.caller().tenant.clone();
    kept::find(&mut *context.read().await?, &tenant, key).await
}

/// Nothing is there.
pub(super) fn unreadable(error: Error) -> Option<Kept> {
    warn!(%error, "the answer cache could not be read: {error}");
    None
}
