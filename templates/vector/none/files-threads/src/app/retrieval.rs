//! What an answer draws on: the documents that the caller names.

use uuid::Uuid;

use super::{context::Context, embedding::Embedding};
pub use crate::data::blocking::passages::{MOST_NAMED, Passage};
use crate::{
    data::blocking::passages,
    edge::problem::{FieldError, Problem},
};

/// The most characters that are taken of all named documents together.
const LONGEST: u32 = 24_000;

/// What there is to know, in the order in which it is named. Of `named` there are up to `MOST_NAMED`.
pub fn passages(
    context: &mut Context,
    _: &mut Embedding,
    named: &[Uuid],
) -> Result<Vec<Passage>, Problem> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    self::named(context, named)
}

fn named(context: &mut Context, named: &[Uuid]) -> Result<Vec<Passage>, Problem> {
    let tenant = context.caller().tenant.clone();
    let share = LONGEST / u32::try_from(named.len()).unwrap_or(u32::MAX).max(1);
    let found = passages::named(&mut *context.read()?, &tenant, named, share)?;
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
