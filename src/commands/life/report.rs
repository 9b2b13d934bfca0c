//! What `formwork set` and `formwork update` say, for people and for machines.

use serde_json::{Map, Value, json};

use crate::{
    VERSION, check,
    error::Result,
    life::{
        Applied, Change, Owned, Repository, Wish,
        change::{Conflict, File, Kind},
        diff::Difference,
    },
    shell,
};

/// More names than this of one kind are counted and not listed.
const MOST_NAMES: usize = 20;

pub(super) struct Report<'a> {
    owned: &'a Owned,
    repository: &'a Repository,
    change: &'a Change,
    is_dry_run: bool,
    pub(super) applied: Option<Applied>,
    pub(super) check: Option<check::Report>,
    pub(super) rolled_back: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        owned: &'a Owned,
        repository: &'a Repository,
        change: &'a Change,
        is_dry_run: bool,
    ) -> Self {
        Self { owned, repository, change, is_dry_run, applied: None, check: None, rolled_back: false }
    }

    pub(super) fn print(&self, as_json: bool) -> Result<()> {
        if as_json {
            println!("{:#}", self.json());
            return Ok(());
        }
        if self.change.is_empty() {
            anstream::println!("{} is as formwork {VERSION} renders it: nothing to change", self.owned.name);
            return Ok(());
        }
        if self.is_dry_run {
            let diff = Difference::between(self.repository, "HEAD", &self.change.tree);
            let has_colour = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
            anstream::println!("{}", diff.text(&[], has_colour)?);
        }
        self.print_headline();
        self.print_details();
        self.print_conflicts();
        Ok(())
    }

    fn print_headline(&self) {
        let change = self.change;
        let would = if self.is_dry_run { "would change" } else { "changed" };
        let what = match change.wish {
            Wish::Update => format!("{} to formwork {VERSION}", self.owned.name),
            Wish::Set => self.owned.name.to_string(),
        };
        let count = |kind| change.files.iter().filter(|file| file.kind == kind).count();
        let counts = [(Kind::Added, "added"), (Kind::Changed, "changed"), (Kind::Removed, "removed")];
        let counts = counts.map(|(kind, word)| (count(kind), word));
        let counts: Vec<_> =
            counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        anstream::println!("{would} {what}: files {}", counts.join(", "));
        if let Some(Applied::Committed(commit)) = &self.applied {
            anstream::println!("  committed as {}", &commit[..10]);
        }
        for one in &change.along {
            match &one.from {
                Some(from) => {
                    let why = one.locked.as_ref().map(|reason| format!(" (the preset: {reason})"));
                    let why = why.unwrap_or_default();
                    anstream::println!("  {} moves along: {from} → {}{why}", one.slot, one.to);
                }
                None => anstream::println!("  new: {}={}", one.slot, one.to),
            }
        }
    }

    fn print_details(&self) {
        list("stays deleted, though the templates changed it", &self.change.left_out);
        list("changed along with a file that you moved or copied", &self.change.followed);
        if !self.change.notes.is_empty() {
            anstream::println!("\nleft for you to do:");
            self.change.notes.iter().for_each(|note| anstream::println!("  - {note}"));
        }
    }

    fn print_conflicts(&self) {
        let conflicts = &self.change.conflicts;
        if conflicts.is_empty() {
            return;
        }
        let verb = if self.is_dry_run || self.rolled_back { "would have" } else { "have" };
        let files = if conflicts.len() == 1 { "file" } else { "files" };
        anstream::println!("\n{} {files} {verb} conflicts:", conflicts.len());
        conflicts.iter().for_each(|Conflict { path, why }| anstream::println!("  {path}: {why}"));
        if self.rolled_back {
            anstream::println!("nothing was changed");
        } else if !self.is_dry_run {
            anstream::println!("\n  resolve them       git status; git mergetool");
            if conflicts.iter().any(|conflict| conflict.path.ends_with("Cargo.toml")) {
                anstream::println!("  bring the lock up  cargo update --workspace");
            }
            anstream::println!("  then               git add --all && git cherry-pick --continue");
            anstream::println!("  prove it           formwork check {}", shell::path(&self.owned.folder));
            anstream::println!("  or give it up      git cherry-pick --abort");
        }
    }

    /// Keys are stable.
    fn json(&self) -> Value {
        let change = self.change;
        let answers: Map<_, _> =
            change.answers.chosen().map(|(slot, option)| (slot.to_owned(), option.into())).collect();
        let along = change.along.iter();
        let along = along
            .map(|one| json!({ "slot": one.slot, "from": one.from, "to": one.to, "locked": one.locked }));
        let file = |file: &File| json!({ "path": file.path, "kind": file.kind });
        json!({
            "schema": 1,
            "command": match change.wish { Wish::Set => "set", Wish::Update => "update" },
            "project": self.owned.folder,
            "dry_run": self.is_dry_run,
            "up_to_date": change.is_empty(),
            "from": { "version": self.owned.version.to_string(), "tree_hash": self.owned.tree },
            "to": { "version": VERSION, "tree_hash": change.hash },
            "answers": answers,
            "moved_along": along.collect::<Vec<_>>(),
            "files": change.files.iter().map(file).collect::<Vec<_>>(),
            "conflicts": change.conflicts,
            "left_out": change.left_out,
            "followed": change.followed,
            "notes": change.notes,
            "commit": match &self.applied { Some(Applied::Committed(commit)) => Some(commit), _ => None },
            "check": self.check,
            "rolled_back": self.rolled_back,
        })
    }
}

fn list(what: &str, paths: &[String]) {
    if paths.is_empty() {
        return;
    }
    anstream::println!("\n{what}:");
    paths.iter().take(MOST_NAMES).for_each(|path| anstream::println!("  {path}"));
    if paths.len() > MOST_NAMES {
        anstream::println!("  and {} more (--json lists all)", paths.len() - MOST_NAMES);
    }
}
