//! Tree to project on disk: whole, with its first commit, or not at all.

pub(crate) mod base;
pub(crate) mod disk;
pub(crate) mod git;
pub(crate) mod lockfile;
pub(crate) mod staging;
pub(crate) mod state;
mod target;
mod workspace;

use std::{fs, path::Path};

use self::staging::Staging;
pub use self::{
    git::Committed,
    state::servers,
    target::{Target, absolute},
    workspace::{Place, Wish},
};
use crate::{
    VERSION,
    answers::Answers,
    catalog::Server,
    error::{Error, Result},
    interrupt::Interrupt,
    render::{Entry, Tree, TreeHash},
};

/// Where a project is to stand; found before anything is asked or written.
#[derive(Clone, Debug)]
pub struct Site {
    pub target: Target,
    pub place: Place,
}

impl Site {
    pub fn find(path: &Path, wish: Wish) -> Result<Self> {
        let target = Target::inspect(path)?;
        let place = Place::find(&target.path, wish)?;
        Ok(Self { target, place })
    }
}

/// Everything that is written: the render, adapted to its place, its archive and formwork.toml.
#[derive(Clone, Debug)]
pub struct Project {
    pub tree: Tree,
    /// Over all files but formwork.toml.
    pub hash: TreeHash,
}

impl Project {
    /// Pure, like the render itself.
    pub fn compose(mut tree: Tree, servers: &[Server], answers: &Answers, place: &Place) -> Result<Self> {
        place.adapt(&mut tree)?;
        let base = base::pack(&tree)?;
        tree.insert(base::PATH, base)?;
        let hash = tree.hash();
        tree.insert(state::PATH, Entry::text(state::text(answers, servers, place, hash)?))?;
        Ok(Self { tree, hash })
    }

    /// Writes the project beside its site and moves it there in one rename.
    pub fn pour(
        &self,
        site: &Site,
        answers: &Answers,
        with_git: bool,
        interrupt: &Interrupt,
    ) -> Result<Committed> {
        let Site { target, place } = site;
        let manifest = match place {
            Place::Member { manifest } => Some(manifest.as_path()),
            _ => None,
        };
        let repository = git::repository_around(&target.path).filter(|_| with_git);
        let unfit = match &repository {
            Some(repository) => git::unfit(repository, &target.path, manifest)?,
            None => None,
        };
        let message =
            format!("Pour {} with formwork {VERSION}\n\nFormwork-Tree: {}", answers.name(), self.hash);
        let staging = Staging::new(target.parent(), answers.name().as_str())?;
        let folder = staging.project().join(target.inside());
        fs::create_dir_all(&folder).map_err(|error| disk::error(&folder, &error))?;
        disk::write(&self.tree, &folder, interrupt)?;
        if with_git && repository.is_none() {
            git::commit_new(&folder, &message).map_err(|error| match interrupt.is_raised() {
                true => Error::interrupted(),
                false => error,
            })?;
        }
        interrupt.check()?;
        staging.reveal(&target.top).map_err(|error| disk::error(&target.top, &error))?;
        place.join(&target.path)?;
        match (repository, unfit) {
            (Some(_), Some(reason)) => Ok(Committed::No(reason)),
            (Some(repository), None) => git::commit_around(&repository, &target.path, manifest, &message),
            (None, _) if with_git => Ok(Committed::New),
            (None, _) => Ok(Committed::No("--no-git".to_owned())),
        }
    }
}
