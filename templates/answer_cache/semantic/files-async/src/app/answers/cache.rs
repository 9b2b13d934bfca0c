//! Answers that are given again: to the same question, and to one that means the same.
//!
//! An answer is made of its question and of documents, which belong to a tenant: so the callers of a tenant share
//! the answer to the same question, and nobody else does. But what means the same was said in other words, and an
//! answer may repeat them: that is looked for only among the caller's own questions. `data/answer_cache/key.rs` has
//! all that must be equal besides.

mod same;

use std::time::Duration;

use tracing::warn;

pub use crate::data::answer_cache::{Asked, Kept};
use crate::{
    app::{context::Context, embedding::Embedding},
    data::{
        answer_cache::{self as rows, Asker, Candidate, Key, Meaning, kept, likeness},
        cache_key::Scope,
        error::Error,
    },
    edge::{deadline::Deadline, detached},
    external::llm,
    telemetry::answer_cache::looked_up,
};

/// A longer answer is not kept, in bytes.
const LONGEST: usize = 64 * 1024;

/// An embedding that takes longer costs more time than it may save.
const EMBEDDING: Duration = Duration::from_secs(1);

/// How long it may take to keep an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// To the same question.
const EXACT: &str = "exact";
/// To one that means the same.
const SEMANTIC: &str = "semantic";
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
    /// Of the question.
    embedding: Embedding,
}

/// Looks for an answer. That the cache cannot be read, or the question not embedded, is as good as a question that
/// nobody asked.
pub async fn find(context: &mut Context, asked: &Asked<'_>, embedding: Embedding) -> Found {
    let mut place = Place {
        key: Key::new(Scope::Tenant(context.caller()), asked),
        embedding,
    };
    if let Some(kept) = same::find(context, &place.key).await {
        looked_up(EXACT);
        return Found::Answer(kept, EXACT);
    }
    let near = near(context, &mut place).await;
    if let Some(kept) = near.unwrap_or_else(same::unreadable) {
        looked_up(SEMANTIC);
        return Found::Answer(kept, SEMANTIC);
    }
    looked_up(MISS);
    Found::Nothing(place)
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

async fn store(mut context: Context, mut place: Place, answer: Kept) {
    let meaning = meaning(&mut context, &mut place.embedding).await;
    if let Err(error) = write(&mut context, &place.key, meaning, &answer).await {
        warn!(%error, "an answer could not be kept: {error}");
    }
}

async fn near(context: &mut Context, place: &mut Place) -> Result<Option<Kept>, Error> {
    let config = context.config().answer_cache.clone();
    let caller = context.caller().clone();
    let asker = Asker {
        tenant: &caller.tenant,
        subject: &caller.subject,
    };
    let mut connection = context.read().await?;
    let candidates =
        rows::candidates(&mut connection, asker, &place.key, config.candidates).await?;
    drop(connection);
    // Nothing to compare with is the usual case, and it costs nothing.
    if candidates.is_empty() {
        return Ok(None);
    }
    let Some(meaning) = meaning(context, &mut place.embedding).await else {
        return Ok(None);
    };
    match nearest(&candidates, &meaning) {
        Some((candidate, likeness)) if likeness >= config.threshold.0 => {
            let mut connection = context.read().await?;
            rows::of_candidate(&mut connection, &caller.tenant, candidate.id).await
        }
        _ => Ok(None),
    }
}

fn nearest<'a>(candidates: &'a [Candidate], meaning: &Meaning) -> Option<(&'a Candidate, f32)> {
    let comparable = candidates
        .iter()
        .filter(|candidate| candidate.meaning.model == meaning.model);
    let compared = comparable.map(|candidate| {
        let likeness = likeness(&candidate.meaning.vector, &meaning.vector);
        (candidate, likeness)
    });
    compared.max_by(|one, other| one.1.total_cmp(&other.1))
}

async fn meaning(context: &mut Context, embedding: &mut Embedding) -> Option<Meaning> {
    let deadline = context.deadline().within(EMBEDDING);
    let model = context.config().embeddings.model.clone();
    match embedding.vector(context, deadline).await {
        Ok(vector) => Some(Meaning {
            vector: vector.to_vec(),
            model,
        }),
        Err(problem) => {
            let why = problem.detail.unwrap_or(problem.title);
            warn!(why, "a question could not be embedded: {why}");
            None
        }
    }
}

async fn write(
    context: &mut Context,
    key: &Key,
    meaning: Option<Meaning>,
    answer: &Kept,
) -> Result<(), Error> {
    let caller = context.caller().clone();
    let asker = Asker {
        tenant: &caller.tenant,
        subject: &caller.subject,
    };
    let config = context.config().answer_cache.clone();
    let mut transaction = context.begin().await?;
    rows::keep(
        &mut transaction,
        asker,
        key,
        meaning.as_ref(),
        answer,
        config.time_to_live,
    )
    .await?;
    kept::trim(&mut transaction, &caller.tenant, config.entries_per_tenant).await?;
    transaction.commit().await
}
