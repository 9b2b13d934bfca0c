//! A preset and those that it extends.

use std::path::PathBuf;

use super::{
    file::Written,
    place::{Fetcher, Place},
};
use crate::error::{Error, Result};

/// More than anybody will keep in mind.
const LONGEST: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) place: Place,
    pub(super) written: Written,
}

/// The one that extends nothing first, the preset itself last.
pub(super) fn follow(what: &str, fetcher: &mut Fetcher) -> Result<Vec<Link>> {
    let mut chain: Vec<Link> = Vec::new();
    let mut next = Some(Place::find(what, fetcher)?);
    while let Some(place) = next {
        let written = place.read()?;
        next = base_of(&chain, &place, &written, fetcher)?;
        chain.push(Link { place, written });
    }
    chain.reverse();
    Ok(chain)
}

/// What a preset extends, which must not be one of those that led to it.
fn base_of(
    before: &[Link],
    place: &Place,
    written: &Written,
    fetcher: &mut Fetcher,
) -> Result<Option<Place>> {
    let Some(extends) = &written.content.extends else { return Ok(None) };
    let base = place.base(extends.get_ref(), fetcher).map_err(|error| written.located(error, extends))?;
    let earlier = before.iter().map(|link| &link.place).chain([place]);
    if earlier.clone().any(|place| place.key() == base.key()) {
        let circle = earlier.map(Place::label).chain([base.label()]);
        let error = Error::usage("these presets extend each other in a circle").cause(joined(circle));
        return Err(written.located(error, extends));
    }
    if before.len() + 1 == LONGEST {
        let error = Error::usage(format!("more than {LONGEST} presets extend each other"));
        return Err(written.located(error, extends));
    }
    Ok(Some(base))
}

fn joined(labels: impl Iterator<Item = PathBuf>) -> String {
    labels.map(|label| label.display().to_string()).collect::<Vec<_>>().join(" extends ")
}
