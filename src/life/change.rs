//! A change, worked out to the last byte and not yet made.

use serde::Serialize;

use super::{
    Move, Owned, Repository, Settled, Standard,
    guard::{self, Touched},
    lockfile::{self, Repair},
    manifest,
    merge::{self, BASE, Merged, OURS, Stage, THEIRS},
    migrations, notes, record,
    repository::{Item, Items},
    rust, swaps,
};
use crate::{
    VERSION,
    answers::Answers,
    catalog::Plan,
    error::{Error, Result},
    lock::{CargoLock, Prefer},
    project::{Project, base, state},
    render::{self, Entry, LOCK, Tree},
};

const MANIFEST: &str = "Cargo.toml";
/// Each round settles what the one before left open; there are three kinds of that.
const MOST_ROUNDS: usize = 4;

/// What a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The same answers, the templates of this version.
    Update,
    /// Other answers.
    Set,
}

/// The difference to the commit that is checked out, ready to be looked at and to be made.
#[derive(Debug)]
pub struct Change {
    pub wish: Wish,
    pub along: Vec<Move>,
    pub answers: Answers,
    /// Of the new render.
    pub hash: String,
    /// What the repository is to be.
    pub tree: String,
    /// Sides of paths with a conflict.
    pub stages: Vec<Stage>,
    /// Stands for the new side while there are conflicts.
    pub loose_commit: String,
    pub message: String,
    pub files: Vec<File>,
    pub conflicts: Vec<Conflict>,
    /// Files that the owner deleted and newer templates changed: they stay deleted.
    pub left_out: Vec<String>,
    /// What the change touches though no render has it: it went along with a file that the owner moved.
    pub followed: Vec<String>,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// In the repository.
    pub path: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Added,
    Changed,
    Removed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// In the repository.
    pub path: String,
    pub why: String,
}

impl Change {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.conflicts.is_empty()
    }

    /// Works it out; the files of the project and its branch stay as they are.
    pub fn prepare(
        wish: Wish,
        standard: &Standard,
        owned: &Owned,
        repository: &Repository,
        settled: &Settled,
        offline: bool,
    ) -> Result<Self> {
        let answers = standard.answers(owned, &settled.choices)?;
        let plan = Plan::new(&standard.catalog, &answers)?;
        let render = render::render(&plan)?;
        let project = Project::compose(render.tree, &render.servers, &answers, &owned.place)?;
        let hash = project.hash.to_string();
        let message = message(wish, owned, &answers, &hash);
        let mut sides = Sides::new(repository, owned, project.tree)?;
        let Sides { base, ours, new } = &mut sides;
        let swaps = swaps::of(&plan, owned, repository)?;
        let mut left_to_owner = match is_for_another_database(standard, owned, &answers) {
            true => migrations::replace(&swaps, base, ours, new),
            false => migrations::keep(&swaps, base, ours, new),
        };
        let mut merger =
            Merger { repository, owned, sides, message: &message, left_out: Vec::new(), trouble: None };
        let merged = merger.run()?;
        let Merger { sides, left_out, trouble, .. } = merger;
        let mut change = Self {
            wish,
            along: settled.along.clone(),
            answers,
            hash,
            tree: merged.tree,
            stages: merged.stages,
            loose_commit: merged.commit,
            message,
            files: Vec::new(),
            conflicts: Vec::new(),
            left_out,
            followed: Vec::new(),
            notes: Vec::new(),
        };
        change.repair_lock(repository, &render.lock, offline)?;
        change.files = changed(repository, &change.tree)?;
        change.conflicts = change.explain(repository, trouble.as_deref());
        change.followed = change.followed(repository, &sides);
        left_to_owner.extend(notes::of(&standard.catalog, owned, &change.answers));
        change.notes = left_to_owner;
        guard::expect_free_way(repository, &repository.head, &change.tree)?;
        Ok(change)
    }

    fn repair_lock(&mut self, repository: &Repository, render: &CargoLock, offline: bool) -> Result<()> {
        let manifest = format!("{}{MANIFEST}", repository.prefix);
        let merged = repository.all_items(&self.tree)?;
        let head = repository.all_items("HEAD")?;
        let repair = Repair {
            repository,
            render,
            prefer: if self.wish == Wish::Update { Prefer::Higher } else { Prefer::Owners },
            offline,
            has_new_manifest: merged.get(&manifest) != head.get(&manifest),
            is_readable: !self.stages.iter().any(|stage| stage.path == manifest),
            merged: &merged,
        };
        let Some((path, text)) = repair.run()? else { return Ok(()) };
        let changes = Items::from([(path, lockfile::item(repository, &text)?)]);
        self.tree = repository.replace(&self.tree, &changes)?;
        Ok(())
    }

    fn explain(&self, repository: &Repository, trouble: Option<&str>) -> Vec<Conflict> {
        let mut paths: Vec<&str> = self.stages.iter().map(|stage| stage.path.as_str()).collect();
        paths.dedup();
        let has =
            |path: &str, number| self.stages.iter().any(|stage| stage.path == path && stage.number == number);
        let manifest = format!("{}{MANIFEST}", repository.prefix);
        let why = |path: &str| match (has(path, BASE), has(path, OURS), has(path, THEIRS)) {
            _ if path == manifest && trouble.is_some() => trouble.unwrap_or_default().to_owned(),
            (true, true, true) => "both sides changed the same lines".to_owned(),
            (false, true, true) => "both sides added it".to_owned(),
            (true, true, false) => "you changed it, and it is gone from the render".to_owned(),
            (true, false, true) => "you deleted it, and the render changed it".to_owned(),
            _ => "one side moved it".to_owned(),
        };
        paths.into_iter().map(|path| Conflict { path: path.to_owned(), why: why(path) }).collect()
    }

    fn followed(&self, repository: &Repository, sides: &Sides) -> Vec<String> {
        let inside = |file: &File| file.path.strip_prefix(&repository.prefix).map(str::to_owned);
        let is_strange =
            |path: &String| path != LOCK && !sides.base.contains_key(path) && !sides.new.contains_key(path);
        self.files.iter().filter_map(inside).filter(is_strange).collect()
    }
}

/// The three sides, as files of the project.
struct Sides {
    base: Items,
    ours: Items,
    new: Items,
}

impl Sides {
    fn new(repository: &Repository, owned: &Owned, mut render: Tree) -> Result<Self> {
        render.remove(LOCK);
        let record = render.remove(state::PATH).unwrap_or_else(|| Entry::text(""));
        let record = record::carried(&owned.text, &String::from_utf8_lossy(&record.bytes));
        render.insert(state::PATH, Entry::text(record))?;
        let ours = repository.items("HEAD")?;
        let mut sides =
            Self { base: repository.add("base", &owned.base)?, new: repository.add("new", &render)?, ours };
        // These are not merged: the first stays, and the other two go with the render.
        for path in [LOCK, state::PATH, base::PATH] {
            place(&mut sides.base, path, sides.ours.get(path));
        }
        place(&mut sides.new, LOCK, sides.ours.get(LOCK));
        Ok(sides)
    }
}

fn place(items: &mut Items, path: &str, item: Option<&Item>) {
    match item {
        Some(item) => drop(items.insert(path.to_owned(), item.clone())),
        None => drop(items.remove(path)),
    }
}

/// Merges, settles what has an answer, and merges again.
struct Merger<'a> {
    repository: &'a Repository,
    owned: &'a Owned,
    sides: Sides,
    message: &'a str,
    left_out: Vec<String>,
    /// Why the manifest could not be merged.
    trouble: Option<String>,
}

impl Merger<'_> {
    fn run(&mut self) -> Result<Merged> {
        let label = format!("formwork {VERSION}");
        let mut merged = None;
        for _ in 0..MOST_ROUNDS {
            let sides = &self.sides;
            let this = merge::merge(self.repository, &sides.base, &sides.new, &label, self.message)?;
            let is_settled = self.leave_out(&this) | self.merge_manifest(&this)? | self.reformat(&this)?;
            merged = Some(this);
            if !is_settled {
                break;
            }
        }
        let mut merged = merged.ok_or_else(|| Error::failed("nothing was merged"))?;
        self.mark_manifest(&mut merged);
        Ok(merged)
    }

    /// Of a path in the repository.
    fn inside<'b>(&self, path: &'b str) -> Option<&'b str> {
        path.strip_prefix(&self.repository.prefix)
    }

    /// A file that the owner deleted was deleted on purpose: every service deletes the sample. One that no render has comes from
    /// a folder that was renamed, and nobody deleted it.
    fn leave_out(&mut self, merged: &Merged) -> bool {
        let is_deleted =
            |path: &&str| merged.stage(path, OURS).is_none() && merged.stage(path, THEIRS).is_some();
        let is_rendered =
            |path: &String| self.sides.base.contains_key(path) || self.sides.new.contains_key(path);
        let deleted: Vec<String> = (merged.conflicts().into_iter())
            .filter(is_deleted)
            .filter_map(|path| self.inside(path).map(str::to_owned))
            .filter(is_rendered)
            .collect();
        for path in &deleted {
            self.sides.base.remove(path);
            self.sides.new.remove(path);
        }
        let is_some = !deleted.is_empty();
        self.left_out.extend(deleted);
        is_some
    }

    /// By structure, where lines conflict or say a thing twice.
    fn merge_manifest(&mut self, merged: &Merged) -> Result<bool> {
        let path = format!("{}{MANIFEST}", self.repository.prefix);
        let is_in_conflict = merged.stages.iter().any(|stage| stage.path == path);
        let sides =
            [&self.sides.base, &self.sides.ours, &self.sides.new].map(|side| side.get(MANIFEST).cloned());
        let [Some(base), Some(ours), Some(new)] = sides else { return Ok(false) };
        if self.trouble.is_some() || (!is_in_conflict && self.is_valid_manifest(merged)?) {
            return Ok(false);
        }
        let text = |item: &Item| self.repository.read_text(&item.blob).map(Option::unwrap_or_default);
        match manifest::merge(&text(&base)?, &text(&ours)?, &text(&new)?) {
            Ok(text) => {
                let blob = self.repository.write_blob(text.as_bytes())?;
                self.sides.new.insert(MANIFEST.to_owned(), Item { blob, ..ours.clone() });
                self.sides.base.insert(MANIFEST.to_owned(), ours);
                Ok(true)
            }
            Err(why) => {
                self.trouble = Some(why);
                Ok(false)
            }
        }
    }

    fn is_valid_manifest(&self, merged: &Merged) -> Result<bool> {
        let item = self.repository.items(&merged.tree)?.remove(MANIFEST);
        let text = item.map(|item| self.repository.read_text(&item.blob)).transpose()?.flatten();
        Ok(text.is_none_or(|text| manifest::is_valid(&text)))
    }

    /// git saw no conflict in a manifest that says a thing twice; there is one all the same.
    fn mark_manifest(&self, merged: &mut Merged) {
        let path = format!("{}{MANIFEST}", self.repository.prefix);
        if self.trouble.is_none() || merged.stages.iter().any(|stage| stage.path == path) {
            return;
        }
        for (number, side) in [(BASE, &self.sides.base), (OURS, &self.sides.ours), (THEIRS, &self.sides.new)]
        {
            if let Some(item) = side.get(MANIFEST) {
                merged.stages.push(Stage { path: path.clone(), number, item: item.clone() });
            }
        }
        merged.stages.sort_by(|a, b| (&a.path, a.number).cmp(&(&b.path, b.number)));
    }

    /// Puts both renders of a conflicting Rust file into the owner's format, where that is another.
    fn reformat(&mut self, merged: &Merged) -> Result<bool> {
        let mut has_changed = false;
        let paths: Vec<String> =
            merged.conflicts().into_iter().filter(|path| path.ends_with(".rs")).map(str::to_owned).collect();
        for path in paths {
            let Some(inside) = self.inside(&path).map(str::to_owned) else { continue };
            let sides = (self.sides.base.get(&inside), self.sides.new.get(&inside));
            let (Some(base), Some(new)) = (sides.0.cloned(), sides.1.cloned()) else { continue };
            let (Some(old_form), Some(new_form)) = (self.formatted(&base)?, self.formatted(&new)?) else {
                continue;
            };
            if old_form.blob != base.blob {
                self.sides.base.insert(inside.clone(), old_form);
                self.sides.new.insert(inside, new_form);
                has_changed = true;
            }
        }
        Ok(has_changed)
    }

    fn formatted(&self, item: &Item) -> Result<Option<Item>> {
        let Some(text) = self.repository.read_text(&item.blob)? else { return Ok(None) };
        let Some(text) = rust::formatted(&self.owned.folder, &text) else { return Ok(None) };
        let blob = self.repository.write_blob(text.as_bytes())?;
        Ok(Some(Item { mode: item.mode.clone(), blob }))
    }
}

fn is_for_another_database(standard: &Standard, owned: &Owned, answers: &Answers) -> bool {
    let mut databases = standard.catalog.slots().iter().filter(|slot| slot.database);
    databases
        .any(|slot| owned.recorded(&slot.name).is_some_and(|was| answers.option(&slot.name) != Some(was)))
}

fn message(wish: Wish, owned: &Owned, answers: &Answers, hash: &str) -> String {
    let swapped = answers.chosen().filter(|(slot, option)| owned.recorded(slot) != Some(option));
    let swapped = swapped.map(|(slot, option)| format!("{slot}={option}")).collect::<Vec<_>>().join(" ");
    let name = &owned.name;
    let subject = match wish {
        Wish::Update => format!("Update {name} to formwork {VERSION}"),
        Wish::Set => format!("Set {swapped} in {name} with formwork {VERSION}"),
    };
    let body = match wish {
        Wish::Update if !swapped.is_empty() => format!("New: {swapped}\n\n"),
        _ => String::new(),
    };
    format!("{subject}\n\n{body}Formwork-Tree: {hash}\n")
}

/// The files in which `tree` differs from HEAD.
fn changed(repository: &Repository, tree: &str) -> Result<Vec<File>> {
    let Touched { added, changed, removed } = Touched::between(repository, &repository.head, tree)?;
    let kinds = [(Kind::Added, added), (Kind::Changed, changed), (Kind::Removed, removed)];
    let files =
        kinds.into_iter().flat_map(|(kind, paths)| paths.into_iter().map(move |path| File { path, kind }));
    let mut files: Vec<File> = files.collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}
