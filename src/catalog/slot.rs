//! A slot: one question, and the parts that answer it.

use super::{manifest::Layer, part::Part};

#[derive(Clone, Debug)]
pub struct Slot {
    pub name: String,
    pub title: String,
    pub question: String,
    pub layer: Layer,
    /// The recommended option.
    pub default: String,
    /// In the order in which they are offered.
    pub options: Vec<Part>,
}

impl Slot {
    pub fn option(&self, name: &str) -> Option<&Part> {
        self.options.iter().find(|part| part.name == name)
    }

    pub fn option_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.options.iter().map(|part| part.name.as_str())
    }
}
