//! Answers: a full, valid set of choices and a name. The only way to get one is to validate.

mod choices;
mod covering;
mod draft;
mod name;

pub use self::{
    choices::Choices,
    covering::{all, covering},
    draft::{Draft, Order},
    name::{ProjectName, is_windows_device},
};
use crate::{
    catalog::Catalog,
    error::{Error, Result},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    name: ProjectName,
    /// Slot and option, in the catalog's order.
    chosen: Vec<(String, String)>,
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
            return Ok(Self { name, chosen });
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

    pub fn name(&self) -> &ProjectName {
        &self.name
    }

    pub fn option(&self, slot: &str) -> Option<&str> {
        self.chosen.iter().find(|(name, _)| name == slot).map(|(_, option)| option.as_str())
    }

    /// Slot and option, in the catalog's order.
    pub fn chosen(&self) -> impl Iterator<Item = (&str, &str)> {
        self.chosen.iter().map(|(slot, option)| (slot.as_str(), option.as_str()))
    }
}
