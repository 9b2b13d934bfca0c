//! Where a preset stands, and what stands beside it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{
    file::Written,
    folder,
    git::{Checkout, Spec, normal},
    shipped,
};
use crate::{
    answers::Pin,
    catalog::{File, Source},
    error::{Error, Result, did_you_mean},
};

#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In this binary, by its name.
    Shipped(String),
    Disk(PathBuf),
    Git(Rc<Checkout>, String),
}

/// Repositories that were fetched, each reference once; and the commits that references must be.
#[derive(Debug, Default)]
pub(super) struct Fetcher {
    pins: BTreeMap<(String, String), String>,
    fetched: BTreeMap<(String, String), Rc<Checkout>>,
}

impl Fetcher {
    pub(super) fn pinned(pins: &[Pin]) -> Self {
        let pin = |pin: &Pin| ((pin.url.clone(), pin.reference.clone()), pin.commit.clone());
        Self { pins: pins.iter().map(pin).collect(), ..Self::default() }
    }

    pub(super) fn checkout(&mut self, spec: &Spec) -> Result<Rc<Checkout>> {
        let key = (spec.url.clone(), spec.reference.clone());
        if let Some(known) = self.fetched.get(&key) {
            return Ok(Rc::clone(known));
        }
        let checkout = Checkout::fetch(spec, self.pins.get(&key).map(String::as_str))?;
        self.fetched.insert(key, Rc::clone(&checkout));
        Ok(checkout)
    }

    fn place(&mut self, spec: &Spec) -> Result<Place> {
        Ok(Place::Git(self.checkout(spec)?, spec.path.clone()))
    }
}

impl Place {
    /// What the command line names.
    pub(super) fn find(what: &str, fetcher: &mut Fetcher) -> Result<Self> {
        if let Some(spec) = Spec::parse(what) {
            return fetcher.place(&spec?);
        }
        let is_path = what.contains(['/', '\\', '.']);
        match Source::presets().get(&format!("{what}.toml")) {
            Some(_) => Ok(Self::Shipped(what.to_owned())),
            None if is_path || Path::new(what).exists() => Ok(Self::Disk(what.into())),
            None => Err(unknown(what)),
        }
    }

    /// What a preset that stands here extends.
    pub(super) fn base(&self, what: &str, fetcher: &mut Fetcher) -> Result<Self> {
        if let Some(spec) = Spec::parse(what) {
            let spec = spec?;
            let is_remote = matches!(self, Self::Git(checkout, path) if !checkout.spec(path).is_local());
            return match is_remote && spec.is_local() {
                true => Err(Error::usage(format!("`{what}` is on this machine")).help(
                    "a preset from elsewhere can extend only one of its own repository or of another server",
                )),
                false => fetcher.place(&spec),
            };
        }
        if Source::presets().get(&format!("{what}.toml")).is_some() {
            return Ok(Self::Shipped(what.to_owned()));
        }
        match self {
            Self::Shipped(_) => Err(unknown(what)),
            Self::Disk(_) if !what.contains(['/', '\\', '.']) => Err(unknown(what)),
            Self::Disk(file) => {
                let folder = file.parent().unwrap_or(Path::new(""));
                // By its components, in which no `.` stands but the first.
                Ok(Self::Disk(folder.join(what).components().collect()))
            }
            Self::Git(checkout, path) => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                match normal(&format!("{folder}/{what}")).filter(|_| !what.starts_with('/')) {
                    Some(base) => Ok(Self::Git(Rc::clone(checkout), base)),
                    None => Err(Error::usage(format!("`{what}` leads out of the repository"))),
                }
            }
        }
    }

    /// The same for the same preset, however it was named.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Shipped(name) => format!("shipped {name}"),
            Self::Disk(file) => {
                format!("disk {}", file.canonicalize().unwrap_or_else(|_| file.clone()).display())
            }
            Self::Git(checkout, path) => format!("git {} {path}", checkout.commit),
        }
    }

    /// How messages name it.
    pub(super) fn label(&self) -> PathBuf {
        match self {
            Self::Shipped(name) => Source::presets().locate(&format!("{name}.toml")),
            Self::Disk(file) => file.clone(),
            Self::Git(checkout, path) => checkout.label(path),
        }
    }

    pub(super) fn read(&self) -> Result<Written> {
        let label = self.label();
        let text = match self {
            Self::Shipped(name) => Some(Source::presets().text(&format!("{name}.toml"))?.to_owned()),
            Self::Disk(file) => folder::text(file)?,
            Self::Git(checkout, path) => checkout.file(path)?,
        };
        match text {
            Some(text) => Written::parse(&label, text),
            None => {
                Err(Error::usage("cannot read the preset").at(label, None).cause("there is no such file"))
            }
        }
    }

    /// A file beside it: where it stands, and its text if it is there.
    pub(super) fn sibling(&self, extension: &str) -> Result<(PathBuf, Option<String>)> {
        match self {
            Self::Shipped(name) => Ok((Source::presets().locate(&format!("{name}.{extension}")), None)),
            Self::Disk(file) => {
                let file = file.with_extension(extension);
                let text = folder::text(&file)?;
                Ok((file, text))
            }
            Self::Git(checkout, path) => {
                let path = format!("{}.{extension}", path.strip_suffix(".toml").unwrap_or(path));
                Ok((checkout.label(&path), checkout.file(&path)?))
            }
        }
    }

    /// A folder of it, which must lie below its own: where it stands, and its files.
    pub(super) fn folder(&self, dir: &str) -> Result<(PathBuf, Vec<File>)> {
        if let Some(problem) = folder::escapes(dir) {
            return Err(Error::usage(format!("`{dir}` cannot be a folder of a preset: {problem}"))
                .help("name a folder beside the preset, such as \"overlay\""));
        }
        match self {
            Self::Shipped(_) => Err(Error::usage("a shipped preset has no folders")),
            Self::Disk(file) => {
                let root = file.parent().unwrap_or(Path::new(""));
                Ok((root.join(dir), folder::read(root, dir)?))
            }
            Self::Git(checkout, path) => {
                let dir =
                    path.rsplit_once('/').map_or(dir.to_owned(), |(folder, _)| format!("{folder}/{dir}"));
                Ok((checkout.label(&dir), checkout.folder(&dir)?))
            }
        }
    }
}

fn unknown(what: &str) -> Error {
    let names = shipped();
    let error = Error::usage(format!("there is no preset `{what}`"));
    let error = match did_you_mean(what, names.iter().map(String::as_str)) {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => error,
    };
    error.help(format!("shipped: {}; or give a file: ./answers.toml", names.join(", ")))
}
