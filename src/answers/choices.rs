//! Choices on the way to answers: some slots may still be open.

use std::collections::BTreeMap;

use crate::{
    catalog::{Catalog, Part, Slot},
    error::{Error, Result},
};

/// The option chosen for some of the slots; every name in it is one of the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices(BTreeMap<String, String>);

impl Choices {
    /// Takes one answer, as `--set` gives it.
    pub fn set_pair(&mut self, catalog: &Catalog, pair: &str) -> Result<()> {
        let (slot, option) = pair.split_once('=').ok_or_else(|| {
            Error::usage(format!("`{pair}` is not an answer")).help("give it as --set SLOT=OPTION")
        })?;
        self.set(catalog, slot.trim(), option.trim())
    }

    pub fn set(&mut self, catalog: &Catalog, slot: &str, option: &str) -> Result<()> {
        catalog.option(slot, option)?;
        self.0.insert(slot.to_owned(), option.to_owned());
        Ok(())
    }

    pub fn clear(&mut self, slot: &str) {
        self.0.remove(slot);
    }

    pub fn get(&self, slot: &str) -> Option<&str> {
        self.0.get(slot).map(String::as_str)
    }

    pub fn open<'a>(&'a self, catalog: &'a Catalog) -> impl Iterator<Item = &'a Slot> {
        catalog.slots().iter().filter(|slot| !self.0.contains_key(&slot.name))
    }

    /// The ways out of every rule that these choices break for certain.
    pub fn broken_rules(&self, catalog: &Catalog) -> Vec<String> {
        let parts = self.0.iter().filter_map(|(slot, option)| catalog.option(slot, option).ok());
        let broken = |part: &Part| part.broken_rules(|slot| self.get(slot)).map(str::to_owned).collect();
        parts.flat_map::<Vec<_>, _>(broken).collect()
    }

    /// Why `option` cannot be taken beside these choices; nothing if it can.
    pub fn ruled_out(&self, catalog: &Catalog, option: &Part) -> Option<String> {
        self.with(option).broken_rules(catalog).into_iter().next()
    }

    /// The same, and `option` for its slot.
    #[must_use]
    pub fn with(&self, option: &Part) -> Self {
        let mut with = self.clone();
        with.0.insert(option.slot.clone(), option.name.clone());
        with
    }

    /// Slot and option.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(slot, option)| (slot.as_str(), option.as_str()))
    }

    /// Fills every open slot: the recommended option where the rules allow it, else the next that they
    /// allow. Nothing if there is no way.
    #[must_use]
    pub fn completed(&self, catalog: &Catalog) -> Option<Self> {
        let Some(slot) = self.open(catalog).next() else {
            return self.broken_rules(catalog).is_empty().then(|| self.clone());
        };
        let recommended = slot.option(&slot.default).into_iter();
        let others = slot.options.iter().filter(|part| part.name != slot.default);
        recommended
            .chain(others)
            .filter(|part| self.ruled_out(catalog, part).is_none())
            .find_map(|part| self.with(part).completed(catalog))
    }
}
