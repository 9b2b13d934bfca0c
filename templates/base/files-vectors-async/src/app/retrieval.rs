//! What an answer draws on: the documents that the caller names, or else the passages of its tenant's documents
//! that are nearest to the question.

use uuid::Uuid;

use super::{context::Context, embedding::Embedding};
pub use crate::data::passages::{MOST_NAMED, Passage};
use crate::{
    config::Config,
    data::{
        passages,
        vectors::{self, Near, Space},
    },
    edge::problem::{FieldError, Problem},
};

/// The most characters that are taken of all named documents together.
const LONGEST: u32 = 24_000;

impl From<Near> for Passage {
    fn from(near: Near) -> Self {
        Self {
            document: near.document,
            version: near.version,
            title: near.title,
            text: near.text,
        }
    }
}

/// What there is to know about `question`, what matters most first. Of `named` there are up to `MOST_NAMED`.
pub async fn passages(
    context: &mut Context,
    question: &mut Embedding,
    named: &[Uuid],
) -> Result<Vec<Passage>, Problem> {
    if !named.is_empty() {
        return self::named(context, named).await;
    }
    let limit = context.config().retrieval.passages;
    let near = nearest(context, question, limit).await?;
    Ok(near.into_iter().map(Passage::from).collect())
}

/// The passages that are nearest to `question`, the nearest first. Nothing is held while it is embedded.
pub async fn nearest(
    context: &mut Context,
    question: &mut Embedding,
    limit: u32,
) -> Result<Vec<Near>, Problem> {
    let deadline = context.deadline();
    let vector = question.vector(context, deadline).await?;
    let tenant = context.caller().tenant.clone();
    let app = context.app().clone();
    let longest = app.config.retrieval.max_distance;
    let connection = &mut *context.read().await?;
    let space = space(&app.config);
    let near = vectors::nearest(connection, &tenant, space, vector, limit, longest).await?;
    Ok(near)
}

/// Where embeddings come from by now. Those of another model are not searched.
pub(super) fn space(config: &Config) -> Space<'_> {
    Space {
        model: &config.embeddings.model,
        dimensions: config.embeddings.dimensions,
    }
}

async fn named(context: &mut Context, named: &[Uuid]) -> Result<Vec<Passage>, Problem> {
    let tenant = context.caller().tenant.clone();
    let share = LONGEST / u32::try_from(named.len()).unwrap_or(u32::MAX).max(1);
    let found = passages::named(&mut *context.read().await?, &tenant, named, share).await?;
    in_order(named, found)
}

/// Refuses all that are not the tenant's, whether they are somebody else's or nobody's.
fn in_order(named: &[Uuid], mut found: Vec<Passage>) -> Result<Vec<Passage>, Problem> {
    let place = |id: Uuid| named.iter().position(|named| *named == id);
    found.sort_by_key(|passage| place(passage.document));
    let is_found = |id: &Uuid| found.iter().any(|passage| passage.document == *id);
    let unknown = named.iter().enumerate().filter(|(_, id)| !is_found(id));
    let errors: Vec<FieldError> = unknown
        .map(|(place, _)| FieldError {
            pointer: format!("/documents/{place}"),
            detail: "is no document of yours".to_owned(),
        })
        .collect();
    if errors.is_empty() {
        Ok(found)
    } else {
        Err(Problem::invalid(errors))
    }
}
