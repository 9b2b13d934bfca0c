//! The catalog: slots, parts and their rules. It is data; nothing here knows a slot by name.

mod condition;
mod load;
mod manifest;
mod part;
mod plan;
mod slot;
mod source;

use std::collections::{BTreeMap, BTreeSet};

pub use self::{
    condition::{Condition, Verdict, unknown_option, unknown_slot},
    manifest::{BuildSeconds, Commands, Dependency, Kind, Latency, Layer, Notes, Required, Variable},
    part::{FileSet, Part, Rule},
    plan::Plan,
    slot::Slot,
    source::{File, Source},
};
use crate::{
    error::{Error, Result},
    lock::Master,
    toml_file,
};

#[derive(Clone, Debug)]
pub struct Catalog {
    source: Source,
    slots: Vec<Slot>,
    base: Part,
}

impl Catalog {
    /// The catalog that ships in this binary.
    pub fn embedded() -> Result<Self> {
        Self::load(Source::templates())
    }

    pub fn load(source: Source) -> Result<Self> {
        load::load(source)
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    pub fn base(&self) -> &Part {
        &self.base
    }

    /// In the order in which they are asked.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub fn slot(&self, name: &str) -> Result<&Slot> {
        let names = self.slots.iter().map(|slot| slot.name.as_str());
        self.slots.iter().find(|slot| slot.name == name).ok_or_else(|| unknown_slot(name, names))
    }

    pub fn option(&self, slot: &str, option: &str) -> Result<&Part> {
        let slot = self.slot(slot)?;
        slot.option(option).ok_or_else(|| unknown_option(&slot.name, option, slot.option_names()))
    }

    /// The base and then every option of every slot.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.base).chain(self.slots.iter().flat_map(|slot| &slot.options))
    }

    /// For each crate the features that some part claims as its own.
    pub fn option_features(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut claimed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for part in self.parts() {
            for (name, dependency) in part.dependencies.iter().chain(&part.dev_dependencies) {
                claimed.entry(name).or_default().extend(dependency.features.iter().map(String::as_str));
            }
        }
        claimed
    }

    /// How long each part was measured to add to a cold build; empty until somebody measured.
    pub fn build_seconds(&self) -> Result<BuildSeconds> {
        const FILE: &str = "build-seconds.toml";
        match self.source.get(FILE) {
            None => Ok(BuildSeconds::default()),
            Some(_) => toml_file::parse(&self.source.locate(FILE), self.source.text(FILE)?),
        }
    }

    /// `lock.toml`: the crates of every plan, with the parts that need them.
    pub fn master_lock(&self) -> Result<Master> {
        let file = self.source.locate("lock.toml");
        let text = self
            .source
            .text("lock.toml")
            .map_err(|error| Error { help: vec!["make it: cargo xtask lock".into()], ..error })?;
        Master::parse(&file, text)
    }
}
