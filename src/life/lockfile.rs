//! Where the owner's `Cargo.lock` stands, what a change needs of it, and the copy of the merged tree in which cargo repairs it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::repository::{Item, Items, Repository};
use crate::{
    check::cargo,
    error::{Error, Result},
    interrupt::Interrupt,
    lock::{CargoLock, Prefer, seed},
    project::{disk, lockfile},
    render::LOCK,
};

const MANIFEST: &str = "Cargo.toml";

pub(super) struct Repair<'a> {
    pub(super) repository: &'a Repository,
    /// All files of the merged tree, by their path in the repository.
    pub(super) merged: &'a Items,
    pub(super) render: &'a CargoLock,
    pub(super) prefer: Prefer,
    pub(super) offline: bool,
    /// Whether the manifests say something new, or the render's versions alone decide.
    pub(super) has_new_manifest: bool,
    /// Whether cargo can read the manifest at all: not while it has a conflict.
    pub(super) is_readable: bool,
}

impl Repair<'_> {
    /// The lock's path in the repository and its text; nothing where it stays as it is.
    pub(super) fn run(&self) -> Result<Option<(String, String)>> {
        if !self.is_readable {
            return self.seed_for_later();
        }
        if !self.has_new_manifest && self.has_nothing_new()? {
            return Ok(None);
        }
        let work = self.repository.scratch.path().join("lock");
        let project = work.join(&self.repository.prefix);
        self.lay_out(&work)?;
        let Some(root) = workspace_root(&work, &project)? else { return Ok(None) };
        let path = format!("{root}{LOCK}");
        let Some(owners) = self.lock(&path)? else { return Ok(None) };
        if !self.has_new_manifest && seed(&owners, self.render, self.prefer) == owners {
            return Ok(None);
        }
        let repair = lockfile::Repair {
            project: &project,
            file: &work.join(&path),
            owners: &owners,
            render: self.render,
            offline: self.offline,
            interrupt: &Interrupt::of_process(),
        };
        Ok(Some((path, repair.run(self.prefer)?)))
    }

    /// Whether the project has a lock of its own, and the render's has nothing for it.
    fn has_nothing_new(&self) -> Result<bool> {
        let own = self.lock(&format!("{}{LOCK}", self.repository.prefix))?;
        Ok(own.map_or(self.prefer == Prefer::Owners, |own| seed(&own, self.render, self.prefer) == own))
    }

    /// With a conflict in the manifest the lock starts from all that both sides have; cargo drops what is not needed
    /// when it is next called.
    fn seed_for_later(&self) -> Result<Option<(String, String)>> {
        let path = format!("{}{LOCK}", self.repository.prefix);
        let Some(owners) = self.lock(&path)? else { return Ok(None) };
        Ok(Some((path, seed(&owners, self.render, self.prefer).print())))
    }

    fn lock(&self, path: &str) -> Result<Option<CargoLock>> {
        let Some(item) = self.merged.get(path) else { return Ok(None) };
        let text = self.repository.read_text(&item.blob)?.unwrap_or_default();
        lockfile::parse(&self.repository.on_disk(path), &text).map(Some)
    }

    /// What cargo looks at when it resolves: manifests, settings, and that sources are there.
    fn lay_out(&self, work: &Path) -> Result<()> {
        for (path, item) in self.merged {
            let name = path.rsplit('/').next().unwrap_or(path);
            let bytes = match name {
                _ if item.mode.starts_with("12") || item.mode.starts_with("16") => continue,
                MANIFEST | LOCK | "config.toml" | "config" | "rust-toolchain.toml" | "rust-toolchain" => {
                    self.repository.read_blob(&item.blob)?
                }
                name if name.ends_with(".rs") => Vec::new(),
                _ => continue,
            };
            let file = work.join(path);
            let folder = file.parent().unwrap_or(work);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&file, bytes))
                .map_err(|error| disk::failed(&file, &error))?;
        }
        Ok(())
    }
}

/// From the repository's root to the folder of the lock, with a `/` at its end unless it is the root.
fn workspace_root(work: &Path, project: &Path) -> Result<Option<String>> {
    let mut command: Command = cargo::command(project, "locate-project");
    command.args(["--workspace", "--message-format", "plain"]);
    let output = command.stdin(Stdio::null()).output().map_err(lockfile::missing)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: ").to_owned();
        return Err(
            Error::failed("cargo does not read the merged Cargo.toml; nothing was changed").cause(said)
        );
    }
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let inside = manifest.parent().and_then(|root| root.strip_prefix(work).ok());
    Ok(inside.map(|root| match root.to_string_lossy() {
        root if root.is_empty() => String::new(),
        root => format!("{root}/"),
    }))
}

/// The lock as an item of the merged tree.
pub(super) fn item(repository: &Repository, text: &str) -> Result<Item> {
    Ok(Item { mode: "100644".to_owned(), blob: repository.write_blob(text.as_bytes())? })
}
