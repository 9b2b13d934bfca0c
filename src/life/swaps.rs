//! File sets whose migrations another option would not stand: they are taken back where a project leaves them, and come
//! again where it comes back.

use super::{Owned, Repository, repository::Items};
use crate::{
    catalog::{Catalog, FileSet, Part, Plan, is_migration},
    error::Result,
    render::{Entry, Tree},
};

/// The migrations of one.
#[derive(Debug)]
pub(super) struct Swap {
    /// By the answers that are to be.
    pub(super) is_taken: bool,
    pub(super) taken: Items,
    /// Take back what those did.
    pub(super) left: Items,
}

/// Of the options that the project had and of those that it is to have.
pub(super) fn of(plan: &Plan<'_>, owned: &Owned, repository: &Repository) -> Result<Vec<Swap>> {
    let catalog = plan.catalog;
    let before = owned.recorded.iter().filter_map(|one| catalog.option(&one.slot, &one.option).ok());
    let gone = before.filter(|part| !plan.has(&part.id));
    let sets = plan.parts.iter().copied().chain(gone).flat_map(|part: &Part| &part.files);
    let swap = |set: &FileSet, left: &str| -> Result<Swap> {
        Ok(Swap {
            is_taken: plan.file_sets().any(|(_, other)| other.dir == set.dir),
            taken: migrations(catalog, &set.dir, repository)?,
            left: migrations(catalog, left, repository)?,
        })
    };
    sets.filter_map(|set| Some(swap(set, set.left.as_deref()?))).collect()
}

fn migrations(catalog: &Catalog, folder: &str, repository: &Repository) -> Result<Items> {
    let mut tree = Tree::default();
    for (path, file) in catalog.source().under(folder).filter(|(path, _)| is_migration(path)) {
        tree.insert(path, Entry { bytes: file.bytes.clone(), executable: file.executable })?;
    }
    repository.add(&format!("migrations/{folder}"), &tree)
}
