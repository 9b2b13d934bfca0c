//! Plan to tree. Pure: no clock, no network, no environment, no randomness.

mod context;
mod manifest;
mod servers;
mod template;
mod tree;

use std::collections::BTreeMap;

use self::template::{SUFFIX, Templates};
pub use self::{
    manifest::{Line, Lines},
    tree::{Entry, Tree, TreeHash, unsafe_because},
};
use crate::{
    catalog::{Commands, File, Part, Plan, Server},
    error::{Error, Result},
    lock::{CargoLock, Locked, Master, PartSet},
};

pub const LOCK: &str = "Cargo.lock";

/// A rendered project.
#[derive(Clone, Debug)]
pub struct Render {
    pub tree: Tree,
    pub lines: Lines,
    pub lock: CargoLock,
    pub commands: Commands,
    pub servers: Vec<Server>,
}

impl Render {
    /// The crates that a first build fetches, for whatever platform.
    pub fn crates(&self) -> impl Iterator<Item = &Locked> {
        self.lock.packages.iter().filter(|package| package.source.is_some())
    }
}

pub fn render(plan: &Plan<'_>) -> Result<Render> {
    let master = plan.catalog.master_lock()?;
    let lines = Lines::of(plan.catalog, &plan.parts, &master.direct)?;
    let templates = Templates::new()?;
    let context = context::context(plan, &lines);
    let source = plan.catalog.source();
    let entry = |path: &str, file: &File| -> Result<Entry> {
        let bytes = match target_of(path).len() == path.len() {
            true => file.bytes.clone(),
            false => templates.render(source, &file.path, &context)?.into_bytes().into(),
        };
        Ok(Entry { bytes, executable: file.executable })
    };
    let located = |error: Error, file: &File| error.at(source.locate(&file.path), None);
    let mut tree = Tree::default();
    let mut writers: BTreeMap<&str, &Part> = BTreeMap::new();
    for (part, path, file) in plan.files() {
        let target = target_of(path);
        if let Some(first) = writers.insert(target, part) {
            return Err(written_twice(target, first, part));
        }
        tree.insert(target, entry(path, file)?).map_err(|error| located(error, file))?;
    }
    for (path, file) in plan.overlay() {
        tree.insert(target_of(path), entry(path, file)?).map_err(|error| located(error, file))?;
    }
    tree.check()?;
    let lock = lock(plan, &master, &lines)?;
    tree.insert(LOCK, Entry::text(lock.print()))?;
    let commands = commands(plan, &templates, &context)?;
    let servers = plan.servers();
    Ok(Render { tree, lines, lock, commands, servers })
}

/// Where a file of a part stands in the project.
pub fn target_of(path: &str) -> &str {
    path.strip_suffix(SUFFIX).unwrap_or(path)
}

fn lock(plan: &Plan<'_>, master: &Master, lines: &Lines) -> Result<CargoLock> {
    let mut chosen = PartSet::default();
    let needs_crates = |part: &&&Part| !part.dependencies.is_empty() || !part.dev_dependencies.is_empty();
    let known = |part: &&&Part| !plan.is_own(part) || needs_crates(part);
    for part in plan.parts.iter().filter(known) {
        let one = master.parts.one(&part.id).ok_or_else(|| {
            let error = Error::usage(format!("no lock knows the crates of the part `{}`", part.id));
            match plan.is_own(part) {
                true => error.at(&part.manifest, None).help("resolve them: formwork preset lock PRESET"),
                false => error.at(plan.catalog.source().locate("lock.toml"), None).help("cargo xtask lock"),
            }
        })?;
        chosen = chosen.with(one);
    }
    Ok(master.select(plan.answers.name().as_str(), chosen, &lines.names()))
}

/// The catalog's commands may hold the project's name, so they are templates too.
fn commands(plan: &Plan<'_>, templates: &Templates, context: &minijinja::Value) -> Result<Commands> {
    let commands = plan.commands();
    let render = |text: Option<String>| text.map(|text| templates.render_line(&text, context)).transpose();
    Ok(Commands {
        run: render(commands.run)?,
        request: render(commands.request)?,
        test: render(commands.test)?,
    })
}

fn written_twice(path: &str, first: &Part, second: &Part) -> Error {
    Error::usage(format!("two parts write `{path}`: {} and {}", first.id, second.id))
        .at(&second.manifest, None)
        .help("a path belongs to one part of a plan; give the file another name, or a slot of its own")
}
