//! Few sets of answers in which every pair of options stands that can stand together: most faults of a combination
//! are those of two options that meet.

use std::collections::BTreeSet;

use super::Choices;
use crate::catalog::Catalog;

/// Slot and option, twice.
type Pair<'a> = [(&'a str, &'a str); 2];

/// Every full set of choices that the rules allow and that holds what is `given`, in the catalog's order.
pub fn all(catalog: &Catalog, given: &Choices) -> Vec<Choices> {
    let Some(slot) = given.open(catalog).next() else {
        return if given.broken_rules(catalog).is_empty() { vec![given.clone()] } else { Vec::new() };
    };
    let allowed = slot.options.iter().filter(|part| given.ruled_out(catalog, part).is_none());
    allowed.flat_map(|part| all(catalog, &given.with(part))).collect()
}

/// The recommended set first; then, one at a time, the set with most pairs that none before it has.
pub fn covering(catalog: &Catalog, given: &Choices) -> Vec<Choices> {
    let all = all(catalog, given);
    let mut open: BTreeSet<Pair<'_>> = all.iter().flat_map(pairs).collect();
    let mut taken: Vec<Choices> = Vec::new();
    let mut next = given.completed(catalog);
    while let Some(set) = next {
        if let Some(set) = all.iter().find(|other| **other == set) {
            for pair in pairs(set) {
                open.remove(&pair);
            }
        }
        taken.push(set);
        let gain = |set: &&Choices| pairs(set).iter().filter(|pair| open.contains(*pair)).count();
        // The last of equals is what `max_by_key` gives; from behind that is the first.
        next = all.iter().rev().max_by_key(gain).filter(|set| gain(set) > 0).cloned();
    }
    taken
}

fn pairs(choices: &Choices) -> Vec<Pair<'_>> {
    let chosen: Vec<(&str, &str)> = choices.iter().collect();
    let mut pairs = Vec::new();
    for (at, one) in chosen.iter().enumerate() {
        pairs.extend(chosen[at + 1..].iter().map(|other| [*one, *other]));
    }
    pairs
}
