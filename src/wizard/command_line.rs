//! The command line that gives the same project without a question.

use std::path::Path;

use crate::{
    answers::{Choices, Order},
    catalog::Catalog,
    shell,
};

/// Only what differs from the recommendation and from what a `preset` says, if `--yes` then leads to the same answers;
/// else all of them.
pub(super) fn of(catalog: &Catalog, order: &Order, preset: &Choices, flags: &[&str]) -> String {
    let mut words = vec!["formwork".to_owned(), "new".to_owned(), shell::word(&order.path.to_string_lossy())];
    let name = order.answers.name().as_str();
    if order.path.file_name() != Path::new(name).file_name() {
        words.push(format!("--name {name}"));
    }
    let all = || order.answers.chosen();
    let expected = |name: &str| match preset.get(name) {
        Some(option) => Some(option),
        None => catalog.slot(name).ok().map(|slot| slot.default.as_str()),
    };
    let few: Vec<_> = all().filter(|(slot, option)| expected(slot) != Some(*option)).collect();
    let given = preset.iter().filter(|(slot, _)| few.iter().all(|(other, _)| other != slot));
    let given = choices(catalog, given.chain(few.iter().copied()));
    let enough = given.completed(catalog) == Some(choices(catalog, all()));
    let sets = if enough { few } else { all().collect() };
    words.extend(sets.iter().map(|(slot, option)| format!("--set {slot}={option}")));
    let default =
        |name: &str| catalog.questions().iter().find(|question| question.name == name)?.default.as_deref();
    let vars = order.answers.vars().filter(|(name, value)| default(name) != Some(value));
    words.extend(vars.map(|(name, value)| format!("--var {}", shell::word(&format!("{name}={value}")))));
    if enough {
        words.push("--yes".to_owned());
    }
    words.extend(flags.iter().map(|flag| (*flag).to_owned()));
    words.join(" ")
}

fn choices<'a>(catalog: &Catalog, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Choices {
    let mut choices = Choices::default();
    for (slot, option) in pairs {
        // They come from answers, so the catalog knows them.
        let _ = choices.set(catalog, slot, option);
    }
    choices
}
