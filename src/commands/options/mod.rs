//! `formwork options`: the catalog, a slot of it, or what one option changes.

mod json;
mod text;

use crate::{
    catalog::{Catalog, Part},
    cli::Options,
    compare::Comparison,
    error::{Result, Status},
    evidence::Evidence,
};

pub(super) fn run(arguments: &Options) -> Result<Status> {
    let catalog = Catalog::embedded()?;
    let (slot, option) = match &arguments.what {
        None => (None, None),
        Some(what) => match what.split_once('=') {
            Some((slot, option)) => (Some(slot.trim()), Some(option.trim())),
            None => (Some(what.trim()), None),
        },
    };
    let output = match (slot, option) {
        (None, _) if arguments.json => json::slots(catalog.slots()),
        (None, _) => text::slots(catalog.slots()),
        (Some(slot), None) => {
            let slot = catalog.slot(slot)?;
            if arguments.json { json::slot(slot) } else { text::slot(slot) }
        }
        (Some(slot), Some(option)) => {
            let option = catalog.option(slot, option)?;
            let comparison = Comparison::of(&catalog, option)?;
            let cost = comparison.cost(&catalog.build_seconds()?);
            let proofs = Proofs::of(&catalog, option)?;
            let render = if arguments.json { json::option } else { text::option };
            render(option, &comparison, cost, &proofs)
        }
    };
    anstream::println!("{}", output.trim_end());
    Ok(Status::Fine)
}

/// The projects with one option that were checked whole.
struct Proofs {
    /// How many there are.
    count: usize,
    /// How many of them are poured today as they were then.
    current: usize,
    /// The day of the last.
    last: Option<String>,
}

impl Proofs {
    fn of(catalog: &Catalog, option: &Part) -> Result<Self> {
        let evidence = Evidence::of(catalog)?;
        let proven: Vec<_> = evidence.with(&option.slot, &option.name).collect();
        Ok(Self {
            count: proven.len(),
            current: proven.iter().filter(|proven| proven.is_current(catalog)).count(),
            last: proven.iter().map(|proven| proven.date.clone()).max(),
        })
    }
}
