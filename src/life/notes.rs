//! What a change leaves to the owner: the tool moves files, not data, variables or servers.

use std::collections::BTreeMap;

use super::Owned;
use crate::{
    answers::Answers,
    catalog::{Catalog, Part, Required, Variable},
};

/// A sentence each, in the order in which they matter.
pub fn of(catalog: &Catalog, owned: &Owned, answers: &Answers) -> Vec<String> {
    let before: Vec<&Part> =
        owned.recorded.iter().filter_map(|one| catalog.option(&one.slot, &one.option).ok()).collect();
    let after: Vec<&Part> =
        answers.chosen().filter_map(|(slot, option)| catalog.option(slot, option).ok()).collect();
    let is_in = |parts: &[&Part], part: &Part| parts.iter().any(|other| other.id == part.id);
    let mut notes = Vec::new();
    for part in before.iter().filter(|part| !is_in(&after, part)) {
        notes.extend(part.notes.left.iter().cloned());
    }
    for part in after.iter().filter(|part| !is_in(&before, part)) {
        notes.extend(part.notes.taken.iter().cloned());
    }
    // A slot that is new in the catalog is no swap; its variables are news all the same.
    let (before, after) = (variables(&before), variables(&after));
    for variable in after.values().filter(|variable| !before.contains_key(variable.name.as_str())) {
        let place = match variable.required {
            Required::Never => continue,
            Required::Production => "in production",
            Required::Always => "everywhere",
        };
        notes.push(format!("Set {} {place}: {}", variable.name, variable.doc));
    }
    let gone: Vec<_> = before.keys().filter(|name| !after.contains_key(*name)).copied().collect();
    if !gone.is_empty() {
        notes.push(format!("No longer known, and refused where they are set: {}.", gone.join(", ")));
    }
    notes
}

fn variables<'a>(parts: &[&'a Part]) -> BTreeMap<&'a str, &'a Variable> {
    let all = parts.iter().flat_map(|part| &part.env);
    all.map(|variable| (variable.name.as_str(), variable)).collect()
}
