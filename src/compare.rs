//! What one option changes: the difference of two renders.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::Sum,
};

use serde::Serialize;

use crate::{
    answers::{Answers, Choices, ProjectName},
    catalog::{BuildSeconds, Catalog, Part, Plan},
    error::Result,
    render::{self, Render},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The option of the same slot that it is compared with; nothing where the slot has only one.
    pub against: Option<String>,
    /// Other slots may have to follow.
    pub parts: Changes,
    pub files: Changes,
    pub crates: Changes,
    pub variables: Changes,
}

/// Of its crates, in a cold check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Rounded to tenths, as they are measured.
    pub seconds: f64,
    /// How many are compiled.
    pub crates: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
}

impl Comparison {
    /// Compares a project with `option` with the same project with the slot's recommended option, or, for
    /// that one itself, with the next option of the slot.
    pub fn of(catalog: &Catalog, option: &Part) -> Result<Self> {
        let slot = catalog.slot(&option.slot)?;
        let other = match option.name == slot.default {
            true => slot.options.iter().find(|part| part.name != option.name),
            false => slot.option(&slot.default),
        };
        let with = Side::of(catalog, answers(catalog, option, None)?)?;
        match other {
            None => Ok(with.alone(option)),
            Some(other) => {
                let without = Side::of(catalog, answers(catalog, other, Some(&with.answers))?)?;
                Ok(Self {
                    against: Some(other.name.clone()),
                    parts: changes(&without.parts(), &with.parts()),
                    files: changes(&without.files(), &with.files()),
                    crates: changes(&without.crates(), &with.crates()),
                    variables: changes(&without.variables, &with.variables),
                })
            }
        }
    }

    /// What its crates add to a cold check; none while that is not measured.
    pub fn cost(&self, measured: &BuildSeconds) -> Option<Cost> {
        let Changes { added, removed, .. } = &self.parts;
        let seconds = sum(&measured.seconds, added)? - sum(&measured.seconds, removed)?;
        Some(Cost {
            // Adding nothing to it makes no zero negative.
            seconds: (seconds * 10.0).round() / 10.0 + 0.0,
            crates: sum(&measured.crates, added)? - sum(&measured.crates, removed)?,
        })
    }

    /// Whether a build from nothing compiles the same crates with either option.
    pub fn has_same_crates(&self) -> bool {
        self.against.is_some() && self.crates == Changes::default()
    }
}

/// None where one is not measured.
fn sum<T: Copy + Sum>(measured: &BTreeMap<String, T>, parts: &[String]) -> Option<T> {
    parts.iter().map(|part| measured.get(part).copied()).sum()
}

/// A project that takes `option`, and beside it what `like` takes if the rules allow it.
fn answers(catalog: &Catalog, option: &Part, like: Option<&Answers>) -> Result<Answers> {
    let name = ProjectName::new("example")?;
    let mut choices = Choices::default();
    choices.set(catalog, &option.slot, &option.name)?;
    let mut same = choices.clone();
    for (slot, chosen) in like.into_iter().flat_map(Answers::chosen).filter(|(slot, _)| *slot != option.slot)
    {
        same.set(catalog, slot, chosen)?;
    }
    match like.is_some() && same.broken_rules(catalog).is_empty() {
        true => Answers::new(catalog, name, &same),
        false => Answers::recommended(catalog, name, &choices),
    }
}

/// By name; two equal values are no change.
type Facts = BTreeMap<String, Vec<u8>>;

struct Side {
    answers: Answers,
    render: Render,
    parts: Vec<String>,
    variables: Facts,
    files_of: BTreeMap<String, BTreeSet<String>>,
}

impl Side {
    fn of(catalog: &Catalog, answers: Answers) -> Result<Self> {
        let plan = Plan::new(catalog, &answers)?;
        let render = render::render(&plan)?;
        let variables = plan.parts.iter().flat_map(|part| &part.env);
        let variables =
            variables.map(|variable| (variable.name.clone(), format!("{variable:?}").into())).collect();
        let mut files_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (part, path, _) in plan.files() {
            files_of.entry(part.id.clone()).or_default().insert(render::target_of(path).to_owned());
        }
        let parts = plan.parts.iter().map(|part| part.id.clone()).collect();
        Ok(Self { answers, render, parts, variables, files_of })
    }

    fn parts(&self) -> Facts {
        self.parts.iter().map(|id| (id.clone(), Vec::new())).collect()
    }

    fn files(&self) -> Facts {
        self.render.tree.iter().map(|(path, entry)| (path.to_owned(), entry.bytes.to_vec())).collect()
    }

    fn crates(&self) -> Facts {
        self.render.crates().map(|one| (format!("{} {}", one.name, one.version), Vec::new())).collect()
    }

    /// With nothing to compare with: what the part itself brings.
    fn alone(&self, part: &Part) -> Comparison {
        let added = |names: Vec<String>| Changes { added: names, ..Changes::default() };
        let files = self.files_of.get(&part.id).into_iter().flatten().cloned().collect();
        let crates = part.dependencies.keys().chain(part.dev_dependencies.keys()).cloned().collect();
        let variables = part.env.iter().map(|variable| variable.name.clone()).collect();
        Comparison {
            against: None,
            parts: added(vec![part.id.clone()]),
            files: added(files),
            crates: added(crates),
            variables: added(variables),
        }
    }
}

fn changes(before: &Facts, after: &Facts) -> Changes {
    let only = |here: &Facts, there: &Facts| {
        here.keys().filter(|name| !there.contains_key(*name)).cloned().collect::<Vec<_>>()
    };
    let differs = |(name, value): &(&String, &Vec<u8>)| before.get(*name).is_some_and(|old| old != *value);
    Changes {
        added: only(after, before),
        removed: only(before, after),
        changed: after.iter().filter(differs).map(|(name, _)| name.clone()).collect(),
    }
}
