//! Presets: for now a plain file of answers, shipped with the tool or written by a team.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    answers::Choices,
    catalog::{Catalog, Source},
    error::{Error, Result, did_you_mean},
    toml_file::{self, line_of},
};

/// The version of the format that this tool reads.
const SCHEMA: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetFile {
    schema: Spanned<u32>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    answers: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// A set of answers with a name.
#[derive(Clone, Debug)]
pub struct Preset {
    pub description: String,
    pub choices: Choices,
}

impl Preset {
    /// `what` is the name of a shipped preset, or a path.
    pub fn load(what: &str, catalog: &Catalog) -> Result<Self> {
        let shipped = Source::presets();
        let path = format!("{what}.toml");
        if shipped.get(&path).is_some() {
            return Self::parse(&shipped.locate(&path), shipped.text(&path)?, catalog);
        }
        let file = PathBuf::from(what);
        match fs::read_to_string(&file) {
            Ok(text) => Self::parse(&file, &text, catalog),
            Err(error) if looks_like_a_path(what) => {
                Err(Error::usage("cannot read the preset").at(file, None).cause(error))
            }
            Err(_) => Err(unknown(what)),
        }
    }

    pub fn parse(file: &Path, text: &str, catalog: &Catalog) -> Result<Self> {
        let parsed: PresetFile = toml_file::parse(file, text)?;
        let located = |error: Error, offset: usize| error.at(file, Some(line_of(text, offset)));
        if *parsed.schema.get_ref() != SCHEMA {
            let error = Error::usage(format!("this formwork reads presets of schema {SCHEMA}"))
                .help("a newer formwork may read it: cargo install formwork");
            return Err(located(error, parsed.schema.span().start));
        }
        let mut choices = Choices::default();
        for (slot, option) in &parsed.answers {
            choices
                .set(catalog, slot.get_ref(), option.get_ref())
                .map_err(|error| located(error, slot.span().start))?;
        }
        Ok(Self { description: parsed.description, choices })
    }
}

/// The names of the presets that ship with the tool.
pub fn shipped() -> Vec<String> {
    let source = Source::presets();
    source.under("").filter_map(|(path, _)| path.strip_suffix(".toml").map(str::to_owned)).collect()
}

fn looks_like_a_path(what: &str) -> bool {
    what.contains(['/', '\\', '.'])
}

fn unknown(what: &str) -> Error {
    let names = shipped();
    let error = Error::usage(format!("there is no preset `{what}`"));
    let error = match did_you_mean(what, names.iter().map(String::as_str)) {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => error,
    };
    error.help(format!("shipped: {}; or give a file: --preset ./answers.toml", names.join(", ")))
}
