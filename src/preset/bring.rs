//! What the presets of a chain bring: parts, files, locks. All is checked before anything is rendered.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{chain::Link, folder::check_target, locked::Locked};
use crate::{
    catalog::{Catalog, Extension, File, Mount},
    error::{Error, Result},
};

/// The real manifest in which the versions of the parts' own crates stand.
pub(super) const MANIFEST: &str = "Cargo.toml";

/// One file of an overlay.
#[derive(Clone, Debug)]
pub struct Overlaid {
    pub target: String,
    pub at: PathBuf,
}

#[derive(Debug, Default)]
pub(super) struct Brought {
    pub(super) extension: Extension,
    pub(super) overlaid: Vec<Overlaid>,
    /// The parts that the last preset brings itself, by id.
    pub(super) parts: Vec<String>,
    /// Its manifest of crates.
    pub(super) manifest: Option<(PathBuf, String)>,
    /// Its lock, and where that stands or would.
    pub(super) lock: Option<(PathBuf, Option<Locked>)>,
}

pub(super) fn bring(chain: &[Link], catalog: &Catalog) -> Result<Brought> {
    let mut brought = Brought::default();
    for link in chain {
        brought.parts.clear();
        brought.manifest = None;
        let content = &link.written.content;
        if let Some(parts) = &content.parts {
            let (root, files) = link
                .place
                .folder(parts.dir.get_ref())
                .map_err(|error| link.written.located(error, &parts.dir))?;
            brought.add_parts(catalog, &root, files)?;
        }
        if let Some(overlay) = &content.overlay {
            let (root, files) = link
                .place
                .folder(overlay.dir.get_ref())
                .map_err(|error| link.written.located(error, &overlay.dir))?;
            brought.add_overlay(root, files)?;
        }
        let (file, text) = link.place.sibling("lock.toml")?;
        let locked = match text {
            Some(text) => {
                let locked = Locked::parse(&file, &text)?;
                if locked.has_crates() {
                    brought.extension.add_lock(file.clone(), text);
                }
                Some(locked)
            }
            None => None,
        };
        brought.lock = Some((file, locked));
    }
    Ok(brought)
}

impl Brought {
    fn add_overlay(&mut self, root: PathBuf, files: Vec<File>) -> Result<()> {
        let mut targets: BTreeMap<String, String> = BTreeMap::new();
        for file in &files {
            let at = root.join(&*file.path);
            check_target(&file.path).map_err(|error| error.at(&at, None))?;
            let target = crate::render::target_of(&file.path).to_owned();
            if let Some(other) = targets.insert(target.to_lowercase(), file.path.to_string()) {
                return Err(
                    Error::usage(format!("`{other}` and `{}` would be one file", file.path)).at(at, None)
                );
            }
            self.overlaid.push(Overlaid { target, at });
        }
        self.extension.add_overlay(Mount { at: String::new(), root, files });
        Ok(())
    }

    /// `NAME/part.toml` is a part of every project, `SLOT/OPTION/part.toml` a further option of a slot.
    fn add_parts(&mut self, catalog: &Catalog, root: &Path, files: Vec<File>) -> Result<()> {
        let homes: BTreeSet<String> =
            files.iter().filter_map(|file| file.path.strip_suffix("/part.toml")).map(str::to_owned).collect();
        let mut taken = Vec::new();
        let mut of_home: BTreeMap<String, Vec<File>> = BTreeMap::new();
        for file in files {
            if file.path == MANIFEST {
                taken.push(file);
                continue;
            }
            let at = root.join(&*file.path);
            let home = homes
                .iter()
                .find(|home| file.path.strip_prefix(home.as_str()).is_some_and(|r| r.starts_with('/')));
            let Some(home) = home else {
                return Err(Error::usage("this file belongs to no part")
                    .at(at, None)
                    .help("a part is a folder NAME with a part.toml, or SLOT/OPTION with one"));
            };
            let path = file.path[home.len() + 1..].to_owned();
            if let Some((_, target)) = path.split_once('/') {
                check_target(target).map_err(|error| error.at(at, None))?;
            }
            of_home.entry(home.clone()).or_default().push(File { path: path.into(), ..file });
        }
        if let Some(file) = taken.pop() {
            let at = root.join(MANIFEST);
            let text = super::folder::decode(&at, file.bytes.into_owned())?;
            self.manifest = Some((at, text));
        }
        for (home, files) in of_home {
            let mount = Mount { at: String::new(), root: root.join(&home), files };
            let at = root.join(&home).join("part.toml");
            let id = self.add_part(catalog, &home, mount).map_err(|error| error.at(at, None))?;
            self.parts.push(id);
        }
        Ok(())
    }

    fn add_part(&mut self, catalog: &Catalog, home: &str, mount: Mount) -> Result<String> {
        let plain = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
        };
        let unusable = |name: &str| {
            Error::usage(format!("`{name}` cannot be a part's name"))
                .help("a name starts with a letter and has only a-z, 0-9, - and _")
        };
        match home.split_once('/') {
            None if catalog.slots().iter().any(|slot| slot.name == home) => Err(Error::usage(format!(
                "`{home}` is a slot, so this folder holds options: {home}/OPTION/part.toml"
            ))),
            None if !plain(home) => Err(unusable(home)),
            None if self.extension.has_part(home) => {
                Err(Error::usage(format!("a preset that this one extends has a part `{home}` already")))
            }
            None => {
                self.extension.add_part(home, mount);
                Ok(format!("preset/{home}"))
            }
            Some((slot, option)) => {
                let slot = catalog.slot(slot)?;
                if !plain(option) {
                    return Err(unusable(option));
                }
                if slot.option(option).is_some() || self.extension.has_option(&slot.name, option) {
                    return Err(Error::usage(format!(
                        "slot `{}` has an option `{option}` already",
                        slot.name
                    )));
                }
                self.extension.add_option(&slot.name, option, mount);
                Ok(format!("{}/{option}", slot.name))
            }
        }
    }
}
