//! Answers that are given again. An answer is made of its question and of documents, which belong to a tenant: so
//! the callers of a tenant share it, and nobody else does. To keep it to its caller, say `Scope::Caller` below.

mod same;

use std::time::Duration;

use tracing::warn;

pub use crate::data::answer_cache::{Asked, Kept};
use crate::{
    app::{context::Context, embedding::Embedding},
    data::{
        answer_cache::{self as rows, Key, kept},
        cache_key::Scope,
        error::Error,
    },
    edge::{deadline::Deadline, detached},
    external::llm,
    telemetry::answer_cache::looked_up,
};

/// A longer answer is not kept, in bytes.
const LONGEST: usize = 64 * 1024;

/// How long it may take to keep an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// To the same question.
const EXACT: &str = "exact";
/// There is no answer yet.
pub const MISS: &str = "miss";

/// What there is for a question.
pub enum Found {
    /// An answer, and to what it was given.
    Answer(Kept, &'static str),
    Nothing(Place),
}

/// Where the answer to a question will be kept.
pub struct Place {
    key: Key,
}

/// Looks for an answer. That the cache cannot be read is as good as a question that nobody asked.
pub async fn find(context: &mut Context, asked: &Asked<'_>, _: Embedding) -> Found {
    let key = Key::new(Scope::Tenant(context.caller()), asked);
    match same::find(context, &key).await {
        Some(kept) => {
            looked_up(EXACT);
            Found::Answer(kept, EXACT)
        }
        None => {
            looked_up(MISS);
            Found::Nothing(Place { key })
        }
    }
}

/// Keeps an answer, if it is one for others too: whoever asks again may be told more. It has been given already, so a failure is nobody's but the next one's who asks. Detached: an
/// answer goes on only as fast as its client reads, and must not hold the database meanwhile.
pub async fn keep(context: &Context, place: Place, answer: Kept) {
    let is_whole = llm::is_whole(answer.finish_reason.as_deref());
    if !is_whole || answer.text.is_empty() || answer.text.len() > LONGEST {
        return;
    }
    // The answer may have outlived its request's deadline.
    let own = context.detached(Deadline::after(PATIENCE));
    detached::done(&context.app().lifecycle, || store(own, place, answer)).await;
}

async fn store(mut context: Context, place: Place, answer: Kept) {
    if let Err(error) = write(&mut context, &place, &answer).await {
        warn!(%error, "an answer could not be kept: {error}");
    }
}

async fn write(context: &mut Context, place: &Place, answer: &Kept) -> Result<(), Error> {
    let tenant = context.caller().tenant.clone();
    let config = context.config().answer_cache.clone();
    let mut transaction = context.begin().await?;
    rows::keep(
        &mut transaction,
        &tenant,
        &place.key,
        answer,
        config.time_to_live,
    )
    .await?;
    kept::trim(&mut transaction, &tenant, config.entries_per_tenant).await?;
    transaction.commit().await
}
