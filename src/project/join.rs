//! How a project becomes a member of its workspace: with the manifest and the lock that this takes, or not at all.
//!
//! All that takes time or can fail is done before the project is shown: the lock is made in a [`Mirror`], and the new files
//! stand ready beside the old ones. What is left then are renames, and those are taken back if one fails.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Project, Site,
    alive::Guard,
    disk,
    lockfile::{self, Repair},
    mirror::Mirror,
    replace::{Ready, put},
    staging::Staging,
    target::Target,
    workspace::{Place, with_member},
};
use crate::{
    error::{Error, Result, Status},
    interrupt::Interrupt,
    lock::Prefer,
    render::LOCK,
};

/// What becomes of the workspace; nothing where the project is no member of one.
#[derive(Default)]
pub(super) struct Join {
    root: PathBuf,
    edits: Vec<Edit>,
}

struct Edit {
    file: PathBuf,
    old: Option<String>,
    new: String,
}

impl Join {
    /// Works it out from what the workspace is now.
    pub(super) fn prepare(
        project: &Project,
        site: &Site,
        offline: bool,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let Place::Member { manifest } = &site.place else { return Ok(Self::default()) };
        let root = manifest.parent().unwrap_or(manifest).to_owned();
        let lock = root.join(LOCK);
        let (old_manifest, old_lock) = (read(manifest)?.unwrap_or_default(), read(&lock)?);
        let new_manifest = with_member(manifest, &old_manifest, &site.target.path)?;
        let new_manifest = new_manifest.unwrap_or_else(|| old_manifest.clone());
        let owners = old_lock.as_deref().map(|text| lockfile::parse(&lock, text)).transpose()?;
        let mirror = mirror(project, site, manifest, &new_manifest, interrupt)?;
        let repair = Repair {
            project: &mirror.at(&site.target.path),
            file: &mirror.at(&lock),
            owners: &owners.unwrap_or_default(),
            render: &project.tested()?,
            offline,
            interrupt,
        };
        let new_lock = repair.run(Prefer::Owners).map_err(|error| told(error, &mirror))?;
        let edits = vec![
            Edit { file: lock, old: old_lock, new: new_lock },
            Edit { file: manifest.clone(), old: Some(old_manifest), new: new_manifest },
        ];
        Ok(Self { root, edits })
    }

    /// The workspace's files that belong to the same change as the project.
    pub(super) fn files(&self) -> Vec<&Path> {
        self.edits.iter().map(|edit| edit.file.as_path()).collect()
    }

    /// Shows the project in its workspace; or does nothing and says so, where somebody has changed that meanwhile.
    pub(super) fn reveal(&self, staging: &Staging, target: &Target) -> Result<bool> {
        let changes = self.edits.iter().filter(|edit| edit.old.as_ref() != Some(&edit.new));
        let ready = changes
            .map(|edit| Ready::new(&edit.file, edit.old.clone(), &edit.new))
            .collect::<Result<Vec<_>>>()?;
        // Another run would not see what this one adds to the manifest, and write over it.
        let _guard = (!self.edits.is_empty()).then(|| Guard::of(&self.root));
        if !self.is_current()? {
            return Ok(false);
        }
        let was_there = target.top.is_dir();
        staging.reveal(&target.top).map_err(|error| disk::error(&target.top, &error))?;
        let Err((file, error, left)) = put(ready) else { return Ok(true) };
        let hidden = staging.hide(&target.top, was_there);
        let left = left.into_iter().chain(hidden.err().map(|_| target.top.clone()));
        Err(half_done(&file, &error, &left.collect::<Vec<_>>()))
    }

    fn is_current(&self) -> Result<bool> {
        for edit in &self.edits {
            if read(&edit.file)? != edit.old {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The workspace with its new member, for cargo to resolve.
fn mirror(
    project: &Project,
    site: &Site,
    manifest: &Path,
    text: &str,
    interrupt: &Interrupt,
) -> Result<Mirror> {
    let failed = |error: io::Error| disk::error(&std::env::temp_dir(), &error);
    let mirror = Mirror::around(&site.target.path).map_err(failed)?;
    mirror.write(manifest, text).map_err(failed)?;
    // Whatever stands there, cargo must not write through a link.
    mirror.write(&manifest.with_file_name(LOCK), "").map_err(failed)?;
    disk::write(&project.tree, &mirror.at(&site.target.path), interrupt)?;
    Ok(mirror)
}

/// What cargo could not do, without the mirror's paths and with another way.
fn told(mut error: Error, mirror: &Mirror) -> Error {
    error.cause = error.cause.map(|cause| mirror.real(&cause));
    match error.status {
        Status::Interrupted => error,
        _ => error.help("--standalone keeps the project apart, with a Cargo.lock that needs no registry"),
    }
}

fn read(file: &Path) -> Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::usage("a file of the workspace cannot be read")
            .at(file, None)
            .cause(error)
            .help("put that right, or keep the project apart: --standalone")),
    }
}

fn half_done(file: &Path, error: &io::Error, left: &[PathBuf]) -> Error {
    if left.is_empty() {
        return disk::error(file, error);
    }
    let left = left.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    disk::failed(file, error).help(format!("this could not be taken back and is left to you: {left}"))
}
