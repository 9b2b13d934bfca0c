//! `formwork options`: the catalog, a slot of it, or what one option changes.

mod json;
mod text;

use crate::{
    catalog::Catalog,
    cli::Options,
    compare::Comparison,
    error::{Result, Status},
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
            let seconds = comparison.seconds(&catalog.build_seconds()?);
            let render = if arguments.json { json::option } else { text::option };
            render(option, &comparison, seconds)
        }
    };
    anstream::println!("{}", output.trim_end());
    Ok(Status::Fine)
}
