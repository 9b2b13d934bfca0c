//! `formwork preset show`: a preset with all that it extends, and where each value came from.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    answers::Pin,
    catalog::{Catalog, Hold, Limit, Part, Question, Slot},
    cli::PresetShow,
    error::{Location, Result, Status},
    preset::{self, Overlaid, Preset},
};

const BOLD: anstyle::Style = anstyle::Style::new().bold();
const DIM: anstyle::Style = anstyle::Style::new().dimmed();

pub(super) fn run(arguments: &PresetShow) -> Result<Status> {
    let preset = Preset::load(&arguments.preset, &Catalog::embedded()?)?;
    let shown = Shown { replaced: preset::replaced(&preset.catalog, &preset.overlaid), preset };
    match arguments.json {
        true => println!("{:#}", shown.json()),
        false => anstream::print!("{}", shown.text()),
    }
    Ok(Status::Fine)
}

struct Shown {
    preset: Preset,
    replaced: BTreeMap<String, String>,
}

impl Shown {
    fn text(&self) -> String {
        let preset = &self.preset;
        let mut text = format!("{BOLD}{}{BOLD:#}: {}\n", preset.pinned.from, preset.description);
        for base in preset.chain.iter().rev().skip(1) {
            let _ = writeln!(text, "  extends {}", base.display());
        }
        for Pin { url, reference, commit } in &preset.pinned.git {
            let _ = writeln!(text, "  {url}#{reference} is at {commit}");
        }
        let _ = writeln!(text, "  {}", preset.pinned.hash);
        let mut table = Table::new("slots");
        preset.catalog.slots().iter().for_each(|slot| self.slot(&mut table, slot));
        table.write(&mut text);
        let mut table = Table::new("questions");
        preset.catalog.questions().iter().for_each(|question| self.question(&mut table, question));
        table.write(&mut text);
        let mut table = Table::new("parts");
        for part in self.parts() {
            table.row([part.id.clone(), part.summary.clone(), part.manifest.display().to_string()]);
        }
        table.write(&mut text);
        let mut table = Table::new("files");
        for file in &preset.overlaid {
            let what = if self.replaces(file) { "in place of formwork's" } else { "added" };
            table.row([file.target.clone(), what.to_owned(), file.at.display().to_string()]);
        }
        table.write(&mut text);
        text
    }

    fn slot(&self, table: &mut Table, slot: &Slot) {
        let limits = slot.limits.iter().map(|limit| match &limit.hold {
            Hold::Locked(reason) => format!("{} locks: {reason}", limit.at),
            Hold::Narrowed => format!("{} allows {}", limit.at, limit.allowed.join(", ")),
        });
        let given = self.preset.answers.get(&slot.name);
        let by = given.map(|given| given.at.to_string()).into_iter().chain(limits).collect::<Vec<_>>();
        let answer = match given {
            Some(given) => given.value.clone(),
            None => format!("asked: {}", options(slot).join(" | ")),
        };
        table.row([slot.name.clone(), answer, by.join("; ")]);
    }

    fn question(&self, table: &mut Table, question: &Question) {
        let (answer, by) = match (self.preset.values.get(&question.name), &question.default) {
            (Some(given), _) => (given.value.clone(), &given.at),
            (None, Some(default)) => (format!("asked: {} [{default}]", question.ask), &question.at),
            (None, None) => (format!("asked: {}", question.ask), &question.at),
        };
        table.row([question.name.clone(), answer, by.to_string()]);
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        let catalog = &self.preset.catalog;
        catalog.parts().filter(|part| catalog.is_own(part))
    }

    fn replaces(&self, file: &Overlaid) -> bool {
        self.replaced.contains_key(&file.target)
    }

    /// Keys are stable.
    fn json(&self) -> Value {
        let preset = &self.preset;
        let pin = |pin: &Pin| json!({ "url": pin.url, "reference": pin.reference, "commit": pin.commit });
        let slot = |slot: &Slot| {
            let given = preset.answers.get(&slot.name);
            json!({
                "slot": slot.name,
                "answer": given.map(|given| &given.value),
                "from": given.map(|given| at(&given.at)),
                "locked": slot.lock().map(reason),
                "options": slot.option_names().collect::<Vec<_>>(),
                "default": slot.default,
                "limits": slot.limits.iter().map(limit).collect::<Vec<_>>(),
            })
        };
        let question = |question: &Question| {
            let given = preset.values.get(&question.name);
            json!({
                "name": question.name,
                "ask": question.ask,
                "pattern": question.pattern.as_ref().map(ToString::to_string),
                "default": question.default,
                "asked_by": at(&question.at),
                "answer": given.map(|given| &given.value),
                "from": given.map(|given| at(&given.at)),
            })
        };
        let file = |file: &Overlaid| json!({ "path": file.target, "from": file.at, "replaces": self.replaces(file) });
        let part = |part: &Part| json!({ "id": part.id, "summary": part.summary, "from": part.manifest });
        json!({
            "schema": 1,
            "preset": preset.pinned.from,
            "description": preset.description,
            "extends": preset.chain.iter().rev().skip(1).collect::<Vec<&PathBuf>>(),
            "git": preset.pinned.git.iter().map(pin).collect::<Vec<_>>(),
            "hash": preset.pinned.hash,
            "slots": preset.catalog.slots().iter().map(slot).collect::<Vec<_>>(),
            "questions": preset.catalog.questions().iter().map(question).collect::<Vec<_>>(),
            "parts": self.parts().map(part).collect::<Vec<_>>(),
            "files": preset.overlaid.iter().map(file).collect::<Vec<_>>(),
        })
    }
}

fn options(slot: &Slot) -> Vec<String> {
    let mark = |name: &str| if name == slot.default { format!("{name}*") } else { name.to_owned() };
    slot.option_names().map(mark).collect()
}

fn at(location: &Location) -> Value {
    json!({ "file": location.file, "line": location.line })
}

fn reason(limit: &Limit) -> Option<&str> {
    match &limit.hold {
        Hold::Locked(reason) => Some(reason),
        Hold::Narrowed => None,
    }
}

fn limit(limit: &Limit) -> Value {
    json!({ "allowed": limit.allowed, "reason": reason(limit), "from": at(&limit.at) })
}

/// Three columns: what, its value, and whose that is.
struct Table {
    title: &'static str,
    rows: Vec<[String; 3]>,
}

impl Table {
    fn new(title: &'static str) -> Self {
        Self { title, rows: Vec::new() }
    }

    fn row(&mut self, row: [String; 3]) {
        self.rows.push(row);
    }

    fn write(&self, text: &mut String) {
        if self.rows.is_empty() {
            return;
        }
        let width = |at: usize| self.rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
        let (first, second) = (width(0), width(1).min(48));
        let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", self.title);
        for [name, value, by] in &self.rows {
            let line = format!("  {name:first$}  {value:second$}  {DIM}{by}{DIM:#}");
            let _ =
                writeln!(text, "{}", if by.is_empty() { format!("  {name:first$}  {value}") } else { line });
        }
    }
}
