//! A slot: one question, and the parts that answer it.

use super::{
    extension::{Hold, Limit},
    manifest::Layer,
    part::Part,
};
use crate::error::Error;

#[derive(Clone, Debug)]
pub struct Slot {
    pub name: String,
    pub title: String,
    pub question: String,
    pub layer: Layer,
    /// Whether its options are databases, each with migrations of its own.
    pub database: bool,
    /// The recommended option.
    pub default: String,
    /// In the order in which they are offered.
    pub options: Vec<Part>,
    /// What a preset does not let a project take.
    pub barred: Vec<Part>,
    /// What it says of that; the last of its presets speaks last.
    pub limits: Vec<Limit>,
}

impl Slot {
    pub fn option(&self, name: &str) -> Option<&Part> {
        self.options.iter().find(|part| part.name == name)
    }

    /// Why a preset takes the choice away.
    pub fn lock(&self) -> Option<&Limit> {
        self.limits.iter().find(|limit| matches!(limit.hold, Hold::Locked(_)))
    }

    pub(super) fn narrow(&mut self, limit: Limit) {
        let (allowed, barred) = std::mem::take(&mut self.options)
            .into_iter()
            .partition(|part| limit.allowed.contains(&part.name));
        self.options = allowed;
        self.barred.extend::<Vec<Part>>(barred);
        let first = limit.allowed.iter().find(|name| self.option(name).is_some());
        self.default = first.unwrap_or(&self.default).clone();
        self.limits.push(limit);
    }

    /// The error for an option that exists and that a preset bars.
    pub(super) fn barred_because(&self, option: &str) -> Option<Error> {
        self.barred.iter().find(|part| part.name == option)?;
        let limit =
            self.limits.iter().find(|limit| !limit.allowed.iter().any(|allowed| allowed == option))?;
        Some(limit.refuse(&self.name, option))
    }

    pub fn option_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.options.iter().map(|part| part.name.as_str())
    }
}
