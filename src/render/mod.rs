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
    tree::{Entry, Tree, TreeHash},
};
use crate::{
    catalog::{Commands, Part, Plan, Server},
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
    let mut tree = Tree::default();
    let mut writers: BTreeMap<&str, &Part> = BTreeMap::new();
    for (part, path, file) in plan.files() {
        let target = target_of(path);
        if let Some(first) = writers.insert(target, part) {
            return Err(written_twice(target, first, part));
        }
        let bytes = match target.len() == path.len() {
            true => file.bytes.clone(),
            false => templates.render(plan.catalog.source(), &file.path, &context)?.into_bytes().into(),
        };
        tree.insert(target, Entry { bytes, executable: file.executable })?;
    }
    let lock = lock(plan, &master, &lines)?;
    tree.insert(LOCK, Entry::text(lock.print()))?;
    let commands = commands(plan, &templates, &context)?;
    let servers = plan.servers().into_iter().cloned().collect();
    Ok(Render { tree, lines, lock, commands, servers })
}

/// Where a file of a part stands in the project.
pub fn target_of(path: &str) -> &str {
    path.strip_suffix(SUFFIX).unwrap_or(path)
}

fn lock(plan: &Plan<'_>, master: &Master, lines: &Lines) -> Result<CargoLock> {
    let mut chosen = PartSet::default();
    for part in &plan.parts {
        let one = master.parts.one(&part.id).ok_or_else(|| {
            Error::usage(format!("the master lock does not know the part `{}`", part.id))
                .at(plan.catalog.source().locate("lock.toml"), None)
                .help("cargo xtask lock")
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
