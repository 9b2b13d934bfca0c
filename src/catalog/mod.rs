//! The catalog: slots, parts and their rules. It is data; nothing here knows a slot by name.

mod condition;
mod extension;
mod load;
mod manifest;
mod part;
mod plan;
mod server;
mod slot;
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

pub use self::{
    condition::{Condition, Verdict, unknown_option, unknown_slot},
    extension::{Extension, Hold, Limit, Pattern, Question},
    manifest::{BuildSeconds, Commands, Dependency, Kind, Latency, Layer, Notes, Required, Variable},
    part::{FileSet, MIGRATIONS, Part, Rule, is_migration},
    plan::Plan,
    server::{Client, Image, Server, Stop},
    slot::Slot,
    source::{File, Mount, Source},
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
    /// The parts that every project of a preset has.
    own: Vec<Part>,
    /// Folders of the source whose files come after those of all parts.
    overlays: Vec<String>,
    /// Files of the source: what the preset's parts need beyond the master lock.
    locks: Vec<String>,
    questions: Vec<Question>,
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

    /// The parts that every project of a preset has.
    pub fn own(&self) -> &[Part] {
        &self.own
    }

    /// Whether a part, or an option of a slot, comes from a preset.
    pub fn is_own(&self, part: &Part) -> bool {
        self.source.is_mounted(&part.id)
    }

    /// Folders of the source whose files come after those of all parts.
    pub fn overlays(&self) -> &[String] {
        &self.overlays
    }

    /// What a preset asks beside the slots.
    pub fn questions(&self) -> &[Question] {
        &self.questions
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
        slot.option(option).ok_or_else(|| match slot.barred_because(option) {
            Some(barred) => barred,
            None => unknown_option(&slot.name, option, slot.option_names()),
        })
    }

    /// The base, then every option of every slot, also of those that a preset bars, then the preset's own.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        let options = self.slots.iter().flat_map(|slot| slot.options.iter().chain(&slot.barred));
        std::iter::once(&self.base).chain(options).chain(&self.own)
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

    /// How long each part was measured to add to a cold check; empty until somebody measured.
    pub fn build_seconds(&self) -> Result<BuildSeconds> {
        const FILE: &str = "build-seconds.toml";
        match self.source.get(FILE) {
            None => Ok(BuildSeconds::default()),
            Some(_) => toml_file::parse(&self.source.locate(FILE), self.source.text(FILE)?),
        }
    }

    /// The same without the lock that stands in `file`.
    #[must_use]
    pub fn without_lock(&self, file: &Path) -> Self {
        let mut catalog = self.clone();
        catalog.locks.retain(|lock| self.source.locate(lock) != file);
        catalog
    }

    /// `lock.toml`: the crates of every plan, with the parts that need them.
    pub fn master_lock(&self) -> Result<Master> {
        let file = self.source.locate("lock.toml");
        let text = self
            .source
            .text("lock.toml")
            .map_err(|error| Error { help: vec!["make it: cargo xtask lock".into()], ..error })?;
        let mut master = Master::parse(&file, text)?;
        for lock in &self.locks {
            let file = self.source.locate(lock);
            master.join(&Master::parse(&file, self.source.text(lock)?)?).map_err(|problem| {
                Error::usage(problem).at(file, None).help("resolve it anew: formwork preset lock PRESET")
            })?;
        }
        Ok(master)
    }
}
