//! What was proven of which combination of options: `templates/evidence.toml`, which `cargo xtask matrix` writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    answers::{Answers, Choices, ProjectName},
    catalog::{Catalog, Plan},
    error::{Error, Result},
    project::{Place, Project},
    render::{self, TreeHash},
    toml_file,
};

/// Where it stands among the templates.
pub const FILE: &str = "evidence.toml";
/// The name of every project that is proven: it is part of the tree.
pub const NAME: &str = "orders";

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    #[serde(default)]
    pub proven: Vec<Proven>,
    /// Shipped presets by their names, which passed their long tests too.
    #[serde(default)]
    pub stacks: BTreeMap<String, Proven>,
}

/// A project that passed its whole check.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    /// Over every file of the render but `formwork.toml`.
    pub tree: String,
    /// The compiler's release.
    pub toolchain: String,
    /// The day of the proof, as ISO 8601 has it, in UTC.
    pub date: String,
    /// What the check took.
    pub seconds: f64,
    /// How many of its own tests were run.
    pub tests: usize,
    /// The promises that the probe saw kept.
    pub promises: Vec<String>,
    /// The servers beside it.
    pub servers: Vec<String>,
    pub answers: BTreeMap<String, String>,
}

impl Evidence {
    /// None is no error: nobody has proven anything yet.
    pub fn of(catalog: &Catalog) -> Result<Self> {
        match catalog.source().get(FILE) {
            None => Ok(Self::default()),
            Some(_) => toml_file::parse(&catalog.source().locate(FILE), catalog.source().text(FILE)?),
        }
    }

    /// What was last proven of these answers.
    pub fn get(&self, choices: &Choices) -> Option<&Proven> {
        self.proven.iter().find(|proven| proven.is_of(choices))
    }

    /// The projects with an option.
    pub fn with<'a>(&'a self, slot: &'a str, option: &'a str) -> impl Iterator<Item = &'a Proven> {
        self.proven.iter().filter(move |proven| proven.answers.get(slot).is_some_and(|own| own == option))
    }
}

impl Proven {
    pub fn is_of(&self, choices: &Choices) -> bool {
        let answers = self.answers.iter().map(|(slot, option)| (slot.as_str(), option.as_str()));
        answers.eq(choices.iter())
    }

    /// Whether this catalog renders the very same project. Answers that it no longer knows are rendered differently.
    pub fn is_current(&self, catalog: &Catalog) -> bool {
        let mut choices = Choices::default();
        let known = self.answers.iter().try_for_each(|(slot, option)| choices.set(catalog, slot, option));
        known.and_then(|()| tree(catalog, &choices)).is_ok_and(|tree| tree.to_string() == self.tree)
    }
}

/// The hash that the project of a combination is recorded by.
pub fn tree(catalog: &Catalog, choices: &Choices) -> Result<TreeHash> {
    let answers = Answers::new(catalog, ProjectName::new(NAME)?, choices)?;
    let rendered = render::render(&Plan::new(catalog, &answers)?)?;
    Ok(Project::compose(rendered.tree, &rendered.servers, &answers, &Place::Alone)?.hash)
}

/// The file's text.
pub fn text(evidence: &Evidence) -> Result<String> {
    let table = toml::to_string_pretty(evidence)
        .map_err(|error| Error::failed("the evidence cannot be written").cause(error))?;
    Ok(format!("# Written by `cargo xtask matrix`; docs/evidence.md shows it.\n\n{table}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::covering;

    fn proven(catalog: &Catalog, choices: &Choices) -> Proven {
        Proven {
            tree: tree(catalog, choices).expect("a tree").to_string(),
            toolchain: "1.95.0".to_owned(),
            date: "2026-11-26".to_owned(),
            seconds: 12.5,
            tests: 3,
            promises: vec!["P1".to_owned()],
            servers: Vec::new(),
            answers: choices.iter().map(|(slot, option)| (slot.to_owned(), option.to_owned())).collect(),
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_found_by_its_answers() {
        let catalog = Catalog::embedded().expect("a catalog");
        let few = covering(&catalog, &Choices::default());
        let stacks = [("crud".to_owned(), proven(&catalog, &few[0]))].into();
        let evidence = Evidence { proven: vec![proven(&catalog, &few[1])], stacks };
        let read: Evidence = toml::from_str(&text(&evidence).expect("a text")).expect("the same");
        assert_eq!((&read.proven, &read.stacks), (&evidence.proven, &evidence.stacks));
        assert_eq!(read.get(&few[1]), Some(&evidence.proven[0]));
        assert_eq!(read.get(&few[0]), None);
        let (slot, option) = few[1].iter().next().expect("an answer");
        assert_eq!((read.with(slot, option).count(), read.with(slot, "other").count()), (1, 0));
    }

    #[test]
    fn a_project_that_is_rendered_differently_by_now_is_not_current() {
        let catalog = Catalog::embedded().expect("a catalog");
        let few = covering(&catalog, &Choices::default());
        let proven = proven(&catalog, &few[0]);
        assert!(proven.is_current(&catalog));
        assert!(!Proven { tree: "sha256:0".to_owned(), ..proven.clone() }.is_current(&catalog));
        let answers = [("storage".to_owned(), "of the past".to_owned())].into();
        assert!(!Proven { answers, ..proven }.is_current(&catalog));
    }
}
