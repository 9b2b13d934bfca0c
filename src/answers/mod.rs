//! Answers: a full, valid set of choices and a name. The only way to get one is to validate.

mod choices;
mod covering;
mod draft;
mod name;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use self::{
    choices::Choices,
    covering::{all, covering},
    draft::{Draft, Order},
    name::{ProjectName, is_windows_device},
};
use crate::{
    catalog::{Catalog, Question},
    error::{Error, Result, did_you_mean},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    name: ProjectName,
    /// Slot and option, in the catalog's order.
    chosen: Vec<(String, String)>,
    /// What a preset asks beside the slots.
    vars: BTreeMap<String, String>,
    preset: Option<Pinned>,
}

/// The preset that answers were given under, as it was then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// A shipped preset's name, a path, or `git+URL#REF:PATH`.
    pub from: String,
    /// Over all that it and the presets that it extends say and bring.
    pub hash: String,
    /// The commit of each repository that these came from.
    #[serde(default)]
    pub git: Vec<Pin>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    pub url: String,
    pub reference: String,
    pub commit: String,
}

impl Answers {
    /// Every slot must be chosen and every rule hold.
    pub fn new(catalog: &Catalog, name: ProjectName, choices: &Choices) -> Result<Self> {
        let chosen = catalog.slots().iter().map(|slot| match choices.get(&slot.name) {
            Some(option) => Ok((slot.name.clone(), option.to_owned())),
            None => Err(Error::usage(format!("slot `{}` has no answer", slot.name)).help(format!(
                "--set {}={}",
                slot.name,
                slot.option_names().collect::<Vec<_>>().join("|")
            ))),
        });
        let chosen = chosen.collect::<Result<Vec<_>>>()?;
        let broken = choices.broken_rules(catalog);
        if broken.is_empty() {
            return Ok(Self { name, chosen, vars: BTreeMap::new(), preset: None });
        }
        Err(broken.into_iter().fold(Error::usage("these answers do not go together"), Error::help))
    }

    /// Takes the recommended option wherever `choices` leaves a slot open.
    pub fn recommended(catalog: &Catalog, name: ProjectName, choices: &Choices) -> Result<Self> {
        if let Some(full) = choices.completed(catalog) {
            return Self::new(catalog, name, &full);
        }
        let error = Error::usage("no project can have these answers together");
        Err(choices.broken_rules(catalog).into_iter().fold(error, Error::help))
    }

    /// With what was answered to the questions of a preset: each of them, and fitting.
    pub fn with_vars(self, catalog: &Catalog, vars: BTreeMap<String, String>) -> Result<Self> {
        for (name, value) in &vars {
            question(catalog, name)?.check(value)?;
        }
        match catalog.questions().iter().find(|question| !vars.contains_key(&question.name)) {
            Some(open) => Err(Error::usage(format!("`{}` has no answer: {}", open.name, open.ask))
                .help(format!("--var {}=…", open.name))),
            None => Ok(Self { vars, ..self }),
        }
    }

    #[must_use]
    pub fn under(self, preset: Option<Pinned>) -> Self {
        Self { preset, ..self }
    }

    pub fn preset(&self) -> Option<&Pinned> {
        self.preset.as_ref()
    }

    pub fn name(&self) -> &ProjectName {
        &self.name
    }

    pub fn option(&self, slot: &str) -> Option<&str> {
        self.chosen.iter().find(|(name, _)| name == slot).map(|(_, option)| option.as_str())
    }

    /// A preset's variables and their values.
    pub fn vars(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Slot and option, in the catalog's order.
    pub fn chosen(&self) -> impl Iterator<Item = (&str, &str)> {
        self.chosen.iter().map(|(slot, option)| (slot.as_str(), option.as_str()))
    }
}

/// The question of a preset that has this name.
pub fn question<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Question> {
    let questions = catalog.questions();
    let names = || questions.iter().map(|question| question.name.as_str());
    questions.iter().find(|question| question.name == name).ok_or_else(|| {
        let error = Error::usage(format!("nothing asks for `{name}`"));
        match (did_you_mean(name, names()), questions.is_empty()) {
            (Some(meant), _) => error.help(format!("did you mean `{meant}`?")),
            (None, true) => error.help("only a preset has variables: --preset NAME|FILE|git+URL"),
            (None, false) => error.help(format!("variables: {}", names().collect::<Vec<_>>().join(", "))),
        }
    })
}
