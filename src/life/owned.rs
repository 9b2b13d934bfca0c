//! A project that is there: what formwork.toml records of it, and the render that it carries.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use semver::Version;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    VERSION,
    answers::{Pin, Pinned, ProjectName},
    catalog::Catalog,
    error::{Error, Result},
    project::{Place, base, state},
    render::Tree,
    toml_file::{self, line_of},
};

/// The version of formwork.toml that this tool reads.
const SCHEMA: u32 = 1;

// Keys that this version does not know are somebody else's, and kept.
#[derive(Debug, Deserialize)]
struct StateFile {
    schema: Spanned<u32>,
    formwork: Maker,
    project: Identity,
    #[serde(default)]
    answers: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    vars: BTreeMap<String, String>,
    preset: Option<PresetEntry>,
}

#[derive(Debug, Deserialize)]
struct PresetEntry {
    from: String,
    #[serde(default)]
    hash: String,
    #[serde(default)]
    git: Vec<PinEntry>,
}

#[derive(Debug, Deserialize)]
struct PinEntry {
    url: String,
    reference: String,
    commit: String,
}

impl PresetEntry {
    fn pinned(self) -> Pinned {
        let pin = |pin: PinEntry| Pin { url: pin.url, reference: pin.reference, commit: pin.commit };
        Pinned { from: self.from, hash: self.hash, git: self.git.into_iter().map(pin).collect() }
    }
}

#[derive(Debug, Deserialize)]
struct Maker {
    version: Spanned<String>,
    #[serde(default)]
    tree: String,
}

#[derive(Debug, Deserialize)]
struct Identity {
    name: Spanned<String>,
    workspace: Option<Spanned<String>>,
}

/// A project with its record and its base.
#[derive(Clone, Debug)]
pub struct Owned {
    /// Absolute, without links.
    pub folder: PathBuf,
    pub name: ProjectName,
    /// The formwork that rendered it last.
    pub version: Version,
    /// The hash of that render.
    pub tree: String,
    pub place: Place,
    /// formwork.toml as it stands.
    pub text: String,
    /// Slot and option, as recorded: the catalog may not know them any more.
    pub recorded: Vec<Recorded>,
    /// What the preset's own questions were answered with.
    pub vars: BTreeMap<String, String>,
    pub preset: Option<Pinned>,
    /// The last render, without what is never merged.
    pub base: Tree,
}

/// One recorded answer and the line on which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub slot: String,
    pub option: String,
    pub line: usize,
}

impl Owned {
    /// The folder of the project that `path` is in, as cargo would look for it: upwards.
    pub fn folder(path: &Path) -> Result<PathBuf> {
        let start = path
            .canonicalize()
            .map_err(|error| Error::usage("there is no such folder").at(path, None).cause(error))?;
        match start.ancestors().find(|folder| folder.join(state::PATH).is_file()) {
            Some(folder) => Ok(folder.to_owned()),
            None => Err(not_a_project(&start)),
        }
    }

    pub fn find(path: &Path) -> Result<Self> {
        let folder = &*Self::folder(path)?;
        let file = folder.join(state::PATH);
        let text = fs::read_to_string(&file).map_err(|error| {
            Error::usage("cannot read what the project was made from").at(&file, None).cause(error)
        })?;
        if let Some(line) = text.lines().position(|line| line.starts_with("<<<<<<< ")) {
            return Err(Error::usage("this file has a conflict that nobody resolved yet")
                .at(&file, Some(line + 1))
                .help("keep the answers that the project is to have, and either side of the rest")
                .help("then commit, and: formwork update"));
        }
        let parsed: StateFile = toml_file::parse(&file, &text)?;
        let line = |offset: usize| Some(line_of(&text, offset));
        if *parsed.schema.get_ref() > SCHEMA {
            return Err(Error::usage(format!("this formwork reads formwork.toml of schema {SCHEMA}"))
                .at(&file, line(parsed.schema.span().start))
                .help("a newer formwork made this project; use it: cargo install formwork"));
        }
        let version = &parsed.formwork.version;
        let at = line(version.span().start);
        let version = Version::parse(version.get_ref())
            .map_err(|error| Error::usage("this is not a version").at(&file, at).cause(error))?;
        let name = &parsed.project.name;
        let at = line(name.span().start);
        let name = ProjectName::new(name.get_ref()).map_err(|error| error.at(&file, at))?;
        let workspace = parsed.project.workspace.as_ref();
        let place =
            Place::recorded(workspace.map(|workspace| workspace.get_ref().as_str())).ok_or_else(|| {
                Error::usage("a project is `member` of a workspace, or `standalone`")
                    .at(&file, workspace.and_then(|workspace| line(workspace.span().start)))
            })?;
        let recorded = parsed.answers.iter().map(|(slot, option)| Recorded {
            slot: slot.get_ref().clone(),
            option: option.get_ref().clone(),
            line: line_of(&text, slot.span().start),
        });
        let recorded = recorded.collect();
        let base = read_base(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            name,
            version,
            tree: parsed.formwork.tree,
            place,
            recorded,
            vars: parsed.vars,
            preset: parsed.preset.map(PresetEntry::pinned),
            base,
            text,
        })
    }

    pub fn state_file(&self) -> PathBuf {
        self.folder.join(state::PATH)
    }

    /// Older templates would take back what newer ones brought.
    pub fn expect_not_newer(&self) -> Result<()> {
        let own = Version::parse(VERSION)
            .map_err(|error| Error::failed("formwork does not know its own version").cause(error))?;
        if self.version <= own {
            return Ok(());
        }
        Err(Error::usage(format!(
            "formwork {} rendered this project last, and this is {VERSION}",
            self.version
        ))
        .at(self.state_file(), None)
        .help("use that version or a newer one: cargo install formwork"))
    }

    pub fn recorded(&self, slot: &str) -> Option<&str> {
        self.recorded.iter().find(|recorded| recorded.slot == slot).map(|recorded| recorded.option.as_str())
    }

    /// Recorded slots that the catalog does not have any more: nothing of theirs is rendered.
    pub fn vanished_slots<'a>(&'a self, catalog: &'a Catalog) -> impl Iterator<Item = &'a str> {
        let slots = self.recorded.iter().map(|recorded| recorded.slot.as_str());
        slots.filter(|slot| catalog.slot(slot).is_err())
    }
}

fn not_a_project(folder: &Path) -> Error {
    Error::usage(format!("{} is no project of formwork: there is no {}", folder.display(), state::PATH))
        .help("name the project's folder")
        .help("or make a project: formwork new PATH")
}

fn read_base(folder: &Path) -> Result<Tree> {
    let file = folder.join(base::PATH);
    let lost = |message: &str| {
        Error::usage(message.to_owned()).at(&file, None).help(format!(
            "it is what changes are merged against; git may have it: git log -- {}",
            base::PATH
        ))
    };
    let bytes = fs::read(&file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => lost("the render that the project came from is gone"),
        _ => lost("cannot read the render that the project came from").cause(error),
    })?;
    base::unpack(&bytes)
        .map_err(|error| lost("the render that the project came from does not read").cause(error))
}
