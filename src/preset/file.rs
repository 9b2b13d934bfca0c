//! A preset as it is written.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    error::{Error, Location, Result},
    toml_file::{self, line_of},
};

/// The version of the format that this tool reads.
pub const SCHEMA: u32 = 1;

/// A table whose keys and values know where they stand.
pub(super) type Table<V> = BTreeMap<Spanned<String>, V>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PresetFile {
    pub(super) schema: Spanned<u32>,
    pub(super) extends: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) answers: Table<Spanned<String>>,
    #[serde(default)]
    pub(super) lock: Table<Spanned<String>>,
    #[serde(default)]
    pub(super) allow: Table<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) vars: Table<VarEntry>,
    #[serde(default)]
    pub(super) values: Table<Spanned<String>>,
    pub(super) overlay: Option<FolderEntry>,
    pub(super) parts: Option<FolderEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VarEntry {
    pub(super) ask: String,
    pub(super) hint: Option<String>,
    pub(super) pattern: Option<Spanned<String>>,
    pub(super) default: Option<Spanned<String>>,
    pub(super) example: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FolderEntry {
    pub(super) dir: Spanned<String>,
}

/// A parsed file, and what its messages need.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) content: PresetFile,
    /// How messages name it.
    pub(super) label: PathBuf,
    text: String,
}

impl Written {
    pub(super) fn parse(label: &Path, text: String) -> Result<Self> {
        let content: PresetFile = toml_file::parse(label, &text)?;
        let written = Self { content, label: label.to_owned(), text };
        if *written.content.schema.get_ref() == SCHEMA {
            return Ok(written);
        }
        let error = Error::usage(format!("this formwork reads presets of schema {SCHEMA}"))
            .help("a newer formwork may read it: cargo install formwork");
        Err(written.located(error, &written.content.schema))
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn at<T>(&self, spanned: &Spanned<T>) -> Location {
        Location { file: self.label.clone(), line: Some(line_of(&self.text, spanned.span().start)) }
    }

    /// The error, at the place of what is wrong, unless it has a place already.
    pub(super) fn located<T>(&self, error: Error, spanned: &Spanned<T>) -> Error {
        let at = error.at.clone().or_else(|| Some(self.at(spanned)));
        Error { at, ..error }
    }
}
