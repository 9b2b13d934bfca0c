//! The catalog for people.

use std::fmt::Write as _;

use super::Proofs;
use crate::{
    catalog::{Part, Slot},
    compare::{Changes, Comparison, Cost},
};

const BOLD: anstyle::Style = anstyle::Style::new().bold();
/// More names than this of one kind are counted and not listed.
const MOST_NAMES: usize = 40;

pub(super) fn slots(slots: &[Slot]) -> String {
    let mut text = String::new();
    for slot in slots {
        heading(&mut text, slot);
        let width = slot.option_names().map(str::len).max().unwrap_or_default();
        for option in &slot.options {
            let _ = writeln!(text, "  {} {:width$}  {}", mark(slot, option), option.name, option.summary);
        }
        text.push('\n');
    }
    text.push_str("* recommended.  More: formwork options SLOT, formwork options SLOT=OPTION\n");
    text
}

pub(super) fn slot(slot: &Slot) -> String {
    let mut text = String::new();
    heading(&mut text, slot);
    for option in &slot.options {
        let _ = writeln!(text, "\n  {} {BOLD}{}{BOLD:#}: {}", mark(slot, option), option.name, option.title);
        about(&mut text, option, "    ");
    }
    text.push_str("\n* recommended.  What one changes: formwork options SLOT=OPTION\n");
    text
}

pub(super) fn option(option: &Part, comparison: &Comparison, cost: Option<Cost>, proofs: &Proofs) -> String {
    let mut text = format!("{BOLD}{}={}{BOLD:#}: {}\n", option.slot, option.name, option.title);
    about(&mut text, option, "");
    let _ = match &comparison.against {
        Some(other) => writeln!(text, "\nAgainst {}={other}:", option.slot),
        None => writeln!(text, "\nIt is the slot's only option; it brings:"),
    };
    for (what, changes) in [
        ("files", &comparison.files),
        ("locked crates", &comparison.crates),
        ("variables", &comparison.variables),
    ] {
        list(&mut text, what, changes);
    }
    let _ = match cost {
        _ if comparison.has_same_crates() => writeln!(text, "  cold check: the same crates"),
        Some(Cost { seconds, crates }) => {
            writeln!(text, "  cold check: {seconds:+.1} seconds, by crates: {crates:+} compiled")
        }
        None => writeln!(text, "  cold check: not measured"),
    };
    let _ = writeln!(text, "  proven: {}", proven(proofs));
    text
}

fn proven(proofs: &Proofs) -> String {
    match (&proofs.last, proofs.count, proofs.current) {
        (None, ..) => "not yet".to_owned(),
        (Some(last), count, current) if count == current => {
            format!("in {count} projects, last on {last} (docs/evidence.md)")
        }
        (Some(last), count, current) => {
            format!("in {count} projects, last on {last}; {current} are poured today as they were then")
        }
    }
}

fn heading(text: &mut String, slot: &Slot) {
    let _ = writeln!(text, "{BOLD}{}{BOLD:#} ({}): {}", slot.name, slot.layer.name(), slot.question);
}

fn mark(slot: &Slot, option: &Part) -> char {
    if slot.default == option.name { '*' } else { ' ' }
}

fn about(text: &mut String, option: &Part, indent: &str) {
    let _ = writeln!(text, "{indent}{}\n{indent}{}", option.summary, option.tradeoff);
    if let Some(server) = &option.server {
        let _ = writeln!(text, "{indent}needs {} beside the service", server.title);
    }
    for rule in &option.requires {
        let _ = writeln!(text, "{indent}needs {}: {}", rule.text, rule.message);
    }
    for rule in &option.conflicts {
        let _ = writeln!(text, "{indent}not with {}: {}", rule.text, rule.message);
    }
}

fn list(text: &mut String, what: &str, changes: &Changes) {
    let kinds = [("+", &changes.added), ("-", &changes.removed), ("~", &changes.changed)];
    if kinds.iter().all(|(_, names)| names.is_empty()) {
        let _ = writeln!(text, "  {what}: no difference");
        return;
    }
    let counts = kinds.iter().filter(|(_, names)| !names.is_empty());
    let counts: Vec<_> = counts.map(|(sign, names)| format!("{sign}{}", names.len())).collect();
    let _ = writeln!(text, "  {what}: {}", counts.join(" "));
    for (sign, names) in kinds {
        for name in names.iter().take(MOST_NAMES) {
            let _ = writeln!(text, "    {sign} {name}");
        }
        if names.len() > MOST_NAMES {
            let _ = writeln!(text, "    {sign} and {} more (--json lists all)", names.len() - MOST_NAMES);
        }
    }
}
