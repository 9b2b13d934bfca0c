//! Tree to project on disk: whole, with its first commit, or not at all.

pub(crate) mod alive;
pub(crate) mod base;
pub(crate) mod disk;
pub(crate) mod git;
mod join;
pub(crate) mod lockfile;
mod mirror;
mod replace;
mod staging;
pub(crate) mod state;
mod target;
mod workspace;

use std::{fs, path::Path};

pub use self::{
    git::Committed,
    state::servers,
    target::{Target, absolute},
    workspace::{Place, Wish},
};
use self::{join::Join, staging::Staging};
use crate::{
    VERSION,
    answers::Answers,
    catalog::Server,
    error::{Error, Result},
    interrupt::Interrupt,
    lock::CargoLock,
    render::{Entry, LOCK, Tree, TreeHash},
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
    /// The render's own Cargo.lock, also where the project has none because its workspace has it.
    lock: Option<Entry>,
}

/// How a project is poured.
#[derive(Clone, Copy, Debug)]
pub struct Pouring<'a> {
    pub with_git: bool,
    /// Whether cargo, which a workspace's lock may need, is told not to use the network.
    pub offline: bool,
    pub interrupt: &'a Interrupt,
}

impl Project {
    /// Pure, like the render itself.
    pub fn compose(mut tree: Tree, servers: &[Server], answers: &Answers, place: &Place) -> Result<Self> {
        let lock = tree.get(LOCK).cloned();
        place.adapt(&mut tree)?;
        let base = base::pack(&tree)?;
        tree.insert(base::PATH, base)?;
        let hash = tree.hash();
        tree.insert(state::PATH, Entry::text(state::text(answers, servers, place, hash)?))?;
        Ok(Self { tree, hash, lock })
    }

    /// Writes the project beside its site and moves it there in one rename.
    pub fn pour(&self, site: &Site, answers: &Answers, pouring: Pouring<'_>) -> Result<Committed> {
        let Pouring { with_git, offline, interrupt } = pouring;
        let target = &site.target;
        let repository = git::repository_around(&target.path).filter(|_| with_git);
        let prepare = || Join::prepare(self, site, offline, interrupt);
        // Before anything is written, here or beside the project: it can take long.
        let mut join = prepare()?;
        let message =
            format!("Pour {} with formwork {VERSION}\n\nFormwork-Tree: {}", answers.name(), self.hash);
        let staging = Staging::new(target.parent(), answers.name().as_str())?;
        let first_commit = (with_git && repository.is_none()).then_some(&*message);
        self.stage(&staging, target, first_commit, interrupt)?;
        let unfit = loop {
            let unfit = repository.as_deref().map(|around| git::unfit(around, &target.path, &join.files()));
            let unfit = unfit.transpose()?.flatten();
            interrupt.check()?;
            if join.reveal(&staging, target)? {
                break unfit;
            }
            join = prepare()?;
        };
        match (repository, unfit) {
            (Some(_), Some(reason)) => Ok(Committed::No(reason)),
            (Some(around), None) => git::commit_around(&around, &target.path, &join.files(), &message),
            (None, _) if with_git => Ok(Committed::New),
            (None, _) => Ok(Committed::No("--no-git".to_owned())),
        }
    }

    /// Makes the whole project where nobody sees it, with a repository of its own if it is to have a first commit.
    fn stage(
        &self,
        staging: &Staging,
        target: &Target,
        first_commit: Option<&str>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let folder = staging.project().join(target.inside());
        fs::create_dir_all(&folder).map_err(|error| disk::error(&folder, &error))?;
        disk::write(&self.tree, &folder, interrupt)?;
        let Some(message) = first_commit else { return Ok(()) };
        git::commit_new(&folder, message).map_err(|error| match interrupt.is_raised() {
            true => Error::interrupted(),
            false => error,
        })
    }

    /// The versions that were tested together.
    fn tested(&self) -> Result<CargoLock> {
        let Some(lock) = &self.lock else { return Ok(CargoLock::default()) };
        lockfile::parse(Path::new(LOCK), &String::from_utf8_lossy(&lock.bytes))
    }
}
