//! Reads a whole catalog and checks that its folders and names fit together.

use std::collections::BTreeSet;

use super::{
    Catalog, Part, Slot, Source,
    condition::{Vocabulary, unknown_option},
    extension::{PARTS, is_reserved},
    manifest::{SlotEntry, SlotsFile},
    part::SERVER,
};
use crate::{
    error::{Error, Result, did_you_mean},
    toml_file::{self, line_of},
};

const SLOTS: &str = "slots.toml";
const BASE: &str = "base";

pub(super) fn load(source: Source) -> Result<Catalog> {
    let file = source.locate(SLOTS);
    let text = source.text(SLOTS)?;
    let parsed: SlotsFile = toml_file::parse(&file, text)?;
    let entries: Vec<&SlotEntry> = parsed.slot.iter().map(toml::Spanned::get_ref).collect();
    for slot in &parsed.slot {
        check_name(&entries, slot.get_ref())
            .map_err(|error| error.at(&file, Some(line_of(text, slot.span().start))))?;
    }
    check_folders(&source, &entries)?;
    let known: Vocabulary =
        entries.iter().map(|slot| (slot.name.clone(), option_names(&source, &slot.name))).collect();
    let mut slots = Vec::new();
    for entry in entries {
        let slot = load_slot(&source, entry, &known)?;
        let default = entry.default.get_ref();
        if slot.option(default).is_none() {
            let error = unknown_option(&slot.name, default, slot.option_names());
            return Err(error.at(&file, Some(line_of(text, entry.default.span().start))));
        }
        slots.push(slot);
    }
    let base = Part::load(&source, BASE, &known)?;
    let own = option_names(&source, PARTS).into_iter();
    let own = own.map(|name| Part::load(&source, &format!("{PARTS}/{name}"), &known));
    let own = in_order(own.collect::<Result<_>>()?);
    Ok(Catalog { source, slots, base, own, overlays: Vec::new(), locks: Vec::new(), questions: Vec::new() })
}

fn load_slot(source: &Source, entry: &SlotEntry, known: &Vocabulary) -> Result<Slot> {
    let names = known.get(&entry.name).into_iter().flatten();
    let options = names.map(|option| Part::load(source, &format!("{}/{option}", entry.name), known));
    let options = in_order(options.collect::<Result<_>>()?);
    Ok(Slot {
        name: entry.name.clone(),
        title: entry.title.clone(),
        question: entry.question.clone(),
        layer: entry.layer,
        database: entry.database,
        default: entry.default.get_ref().clone(),
        options,
        barred: Vec::new(),
        limits: Vec::new(),
    })
}

fn in_order(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
    parts
}

/// A folder below the slot's is an option.
fn option_names(source: &Source, slot: &str) -> Vec<String> {
    let folders = source.under(slot).filter_map(|(path, _)| path.split_once('/'));
    let names: BTreeSet<_> = folders.map(|(option, _)| option.to_owned()).collect();
    names.into_iter().collect()
}

fn check_name(entries: &[&SlotEntry], slot: &SlotEntry) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if [BASE, SERVER, PARTS, ""].contains(&&*slot.name) || !slot.name.bytes().all(plain) {
        return Err(Error::usage(format!("`{}` cannot be a slot's name", slot.name)).help(
            "a name has only a-z, 0-9 and _, since templates write answers.NAME; `base`, `server` and `preset` are taken",
        ));
    }
    match entries.iter().filter(|other| other.name == slot.name).count() {
        1 => Ok(()),
        _ => Err(Error::usage(format!("slot `{}` is there twice", slot.name))),
    }
}

/// A folder that no slot names would silently never be offered.
fn check_folders(source: &Source, entries: &[&SlotEntry]) -> Result<()> {
    let names = || entries.iter().map(|slot| slot.name.as_str());
    for (path, _) in source.under("") {
        let Some((folder, _)) = path.split_once('/') else { continue };
        if folder == BASE || is_reserved(folder) || names().any(|name| name == folder) {
            continue;
        }
        let error = Error::usage(format!("no slot is called `{folder}`")).at(source.locate(folder), None);
        return Err(match did_you_mean(folder, names()) {
            Some(meant) => error.help(format!("did you mean `{meant}`?")),
            None => error.help(format!("add the slot to {}", source.locate(SLOTS).display())),
        });
    }
    Ok(())
}
