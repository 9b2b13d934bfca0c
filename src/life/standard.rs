//! The catalog that a project follows: formwork's own, or what the project's preset makes of it.

use std::collections::BTreeMap;

use super::Owned;
use crate::{
    answers::{Answers, Choices, Pinned},
    catalog::Catalog,
    error::{Error, Result},
    preset::{Preset, seen_from_here},
};

/// Which state of a preset counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// What its branch, tag or file says now: newer standards are what an update is for.
    Today,
    /// The commits that the project recorded: other answers are no reason to follow anything newer.
    Render,
}

#[derive(Clone, Debug)]
pub struct Standard {
    pub catalog: Catalog,
    vars: BTreeMap<String, String>,
    preset: Option<Pinned>,
}

impl Standard {
    /// `vars` are answers to questions of the preset, as `NAME=VALUE`.
    pub fn of(owned: &Owned, embedded: &Catalog, as_of: AsOf, vars: &[String]) -> Result<Self> {
        let (catalog, preset, mut known) = match &owned.preset {
            None => (embedded.clone(), None, BTreeMap::new()),
            Some(recorded) => {
                let preset = match as_of {
                    AsOf::Today => Preset::load(&seen_from_here(&recorded.from, &owned.folder), embedded)?,
                    AsOf::Render => Preset::load_pinned(recorded, &owned.folder, embedded)?,
                };
                let pinned = match as_of {
                    AsOf::Today => preset.pinned_in(&owned.folder)?,
                    AsOf::Render => preset.pinned.clone(),
                };
                let vars = preset.vars();
                (preset.catalog, Some(pinned), vars)
            }
        };
        known.extend(owned.vars.clone());
        for pair in vars {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                Error::usage(format!("`{pair}` is not the value of a variable"))
                    .help("give it as --var NAME=VALUE")
            })?;
            known.insert(name.trim().to_owned(), value.to_owned());
        }
        let given = |name: &str| vars.iter().any(|pair| pair.split('=').next().map(str::trim) == Some(name));
        // What nothing asks for any more is forgotten, unless somebody names it now.
        known.retain(|name, _| {
            given(name) || catalog.questions().iter().any(|question| question.name == *name)
        });
        for question in catalog.questions() {
            if let Some(default) = &question.default {
                known.entry(question.name.clone()).or_insert_with(|| default.clone());
            }
        }
        Ok(Self { catalog, vars: known, preset })
    }

    pub fn answers(&self, owned: &Owned, choices: &Choices) -> Result<Answers> {
        let answers = Answers::new(&self.catalog, owned.name.clone(), choices)?;
        Ok(answers.with_vars(&self.catalog, self.vars.clone())?.under(self.preset.clone()))
    }
}
