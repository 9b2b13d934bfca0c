//! The command line that gives the same project without a question.

use std::path::Path;

use crate::{
    answers::{Choices, Order},
    catalog::Catalog,
    shell,
};

/// Only what differs from the recommendation, if `--yes` then leads to the same answers; else all of them.
pub(super) fn of(catalog: &Catalog, order: &Order, flags: &[&str]) -> String {
    let mut words = vec!["formwork".to_owned(), "new".to_owned(), shell::word(&order.path.to_string_lossy())];
    let name = order.answers.name().as_str();
    if order.path.file_name() != Path::new(name).file_name() {
        words.push(format!("--name {name}"));
    }
    let all = || order.answers.chosen();
    let differs =
        |(slot, option): &(&str, &str)| catalog.slot(slot).is_ok_and(|slot| slot.default != *option);
    let few: Vec<_> = all().filter(differs).collect();
    let enough = choices(catalog, few.iter().copied()).completed(catalog) == Some(choices(catalog, all()));
    let sets = if enough { few } else { all().collect() };
    words.extend(sets.iter().map(|(slot, option)| format!("--set {slot}={option}")));
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
