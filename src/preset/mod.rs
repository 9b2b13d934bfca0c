//! Presets: a team's answers, locks with their reasons, limits, questions, files and parts. A preset is data: it runs
//! no code.

mod bring;
mod chain;
pub mod crates;
mod file;
mod folder;
mod git;
mod locked;
mod place;
mod resolve;
pub mod schema;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

pub use self::{
    bring::Overlaid,
    file::SCHEMA,
    locked::{Locked, moved, print, replaced},
    resolve::Given,
};
use self::{
    bring::{Brought, bring},
    chain::{Link, follow},
    place::{Fetcher, Place},
    resolve::resolve,
};
use crate::{
    answers::{Choices, Pin, Pinned},
    catalog::{Catalog, Limit, Source},
    error::{Error, Result},
};

/// A preset with all that it extends.
#[derive(Clone, Debug)]
pub struct Preset {
    pub description: String,
    /// With what the presets add, and without what they bar.
    pub catalog: Catalog,
    /// What is not asked.
    pub choices: Choices,
    /// The same with where it was written, by slot.
    pub answers: BTreeMap<String, Given>,
    pub limits: Vec<Limit>,
    /// Answers to the presets' own questions, by variable.
    pub values: BTreeMap<String, Given>,
    /// How messages name the presets; the one that extends nothing first.
    pub chain: Vec<PathBuf>,
    pub overlaid: Vec<Overlaid>,
    /// The parts that the preset itself brings, by id.
    pub parts: Vec<String>,
    /// Where the versions of their own crates stand, and its text.
    pub manifest: Option<(PathBuf, String)>,
    /// The lock beside the preset, and where it stands or would.
    pub lock: (PathBuf, Option<Locked>),
    pub pinned: Pinned,
}

impl Preset {
    /// `what` is the name of a shipped preset, a path, or `git+URL#REF:PATH`.
    pub fn load(what: &str, catalog: &Catalog) -> Result<Self> {
        Self::read(what, catalog, Fetcher::default())
    }

    /// The one that the project in `folder` recorded, with every git reference at the commit that it was then.
    pub fn load_pinned(pinned: &Pinned, folder: &Path, catalog: &Catalog) -> Result<Self> {
        let what = seen_from_here(&pinned.from, folder);
        let preset = Self::read(&what, catalog, Fetcher::pinned(&pinned.git))?;
        Ok(Self { pinned: Pinned { from: pinned.from.clone(), ..preset.pinned }, ..preset })
    }

    /// How the project in `folder`, which need not exist, records it. A path is recorded as it leads from the project
    /// to the preset, so that both can move together.
    pub fn pinned_in(&self, folder: &Path) -> Result<Pinned> {
        let from = seen_from(&self.pinned.from, folder)?;
        Ok(Pinned { from, ..self.pinned.clone() })
    }

    fn read(what: &str, catalog: &Catalog, mut fetcher: Fetcher) -> Result<Self> {
        let chain = follow(what, &mut fetcher)?;
        let Brought { extension, overlaid, parts, manifest, lock } = bring(&chain, catalog)?;
        let pinned = Pinned { from: what.to_owned(), hash: hash(&chain, &extension), git: pins(&chain) };
        let wide = catalog.extended(extension)?;
        let resolved = resolve(&chain, &wide)?;
        let catalog = wide.limited(resolved.limits.clone(), resolved.questions.clone());
        let choices = resolved.choices(&catalog)?;
        let labels: Vec<PathBuf> = chain.iter().map(|link| link.written.label.clone()).collect();
        let own = labels.last().map_or(Path::new(""), PathBuf::as_path);
        if choices.completed(&catalog).is_none() {
            let error = Error::usage("no project can have what this preset asks for").at(own, None);
            return Err(choices.broken_rules(&catalog).into_iter().fold(error, Error::help));
        }
        let description = chain.last().map(|link| link.written.content.description.clone());
        Ok(Self {
            description: description.unwrap_or_default(),
            choices,
            catalog,
            limits: resolved.limits,
            answers: resolved.answers,
            values: resolved.values,
            overlaid,
            parts,
            manifest,
            lock: lock.unwrap_or_default(),
            chain: labels,
            pinned,
        })
    }

    /// As `[vars]` of a draft.
    pub fn vars(&self) -> BTreeMap<String, String> {
        self.values.iter().map(|(name, given)| (name.clone(), given.value.clone())).collect()
    }
}

/// What a preset is called in a file of `folder`, which is absolute.
pub fn seen_from(what: &str, folder: &Path) -> Result<String> {
    let file = Path::new(what);
    if !is_on_disk(what) {
        return Ok(what.to_owned());
    }
    let file = file
        .canonicalize()
        .map_err(|error| Error::usage("cannot look at this preset").at(file, None).cause(error))?;
    let shared = file.iter().zip(folder.iter()).take_while(|(one, other)| one == other).count();
    let up: Vec<&OsStr> = folder.iter().skip(shared).map(|_| "..".as_ref()).collect();
    let path: PathBuf = up.into_iter().chain(file.iter().skip(shared)).collect();
    // One name alone could be that of a shipped preset.
    let path = if path.iter().count() == 1 { Path::new(".").join(path) } else { path };
    Ok(path.to_string_lossy().replace('\\', "/"))
}

/// The inverse: what a file of `folder` calls a preset, as it is called here.
pub fn seen_from_here(what: &str, folder: &Path) -> String {
    match is_on_disk(what) {
        true => folder.join(what).to_string_lossy().into_owned(),
        false => what.to_owned(),
    }
}

fn is_on_disk(what: &str) -> bool {
    !what.starts_with("git+") && !shipped().iter().any(|name| name == what)
}

/// The commits of the repositories that a chain comes from, each once.
fn pins(chain: &[Link]) -> Vec<Pin> {
    let mut pins: BTreeMap<(String, String), String> = BTreeMap::new();
    for link in chain {
        if let Place::Git(checkout, _) = &link.place {
            pins.insert(checkout.key(), checkout.commit.clone());
        }
    }
    pins.into_iter().map(|((url, reference), commit)| Pin { url, reference, commit }).collect()
}

/// Over all that the presets of a chain say and bring.
fn hash(chain: &[Link], extension: &crate::catalog::Extension) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for link in chain {
        add(link.written.text().as_bytes());
    }
    for (path, file) in extension.files() {
        add(path.as_bytes());
        add(&[u8::from(file.executable)]);
        add(&file.bytes);
    }
    let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{digits}")
}

/// The names of the presets that ship with the tool.
pub fn shipped() -> Vec<String> {
    let source = Source::presets();
    source.under("").filter_map(|(path, _)| path.strip_suffix(".toml").map(str::to_owned)).collect()
}
