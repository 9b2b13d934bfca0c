//! What `formwork new` says, for people and for machines.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    answers::{Answers, Pin, Pinned},
    catalog::Commands,
    check,
    project::{Committed, Project},
    render::Entry,
    shell,
};

pub(super) struct Report<'a> {
    answers: &'a Answers,
    path: PathBuf,
    crates: usize,
    next: Next,
    project: &'a Project,
}

/// What the owner types next.
#[derive(Serialize)]
struct Next {
    run: String,
    request: String,
    test: String,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        answers: &'a Answers,
        path: &Path,
        crates: usize,
        commands: Commands,
        project: &'a Project,
    ) -> Self {
        let next = Next {
            run: commands.run.unwrap_or_else(|| "cargo run".to_owned()),
            request: commands.request.unwrap_or_else(|| "curl -i http://127.0.0.1:8080/".to_owned()),
            test: commands.test.unwrap_or_else(|| "cargo test".to_owned()),
        };
        Self { answers, path: path.to_owned(), crates, next, project }
    }

    pub(super) fn print_poured(&self, committed: &Committed) {
        anstream::println!("{}", self.headline("poured"));
        match committed {
            Committed::New => anstream::println!("  committed as the first commit of its own repository"),
            Committed::Around(repository) => {
                anstream::println!("  committed in the repository {}", repository.display());
            }
            Committed::No(reason) => anstream::println!("  not committed: {reason}"),
        }
    }

    pub(super) fn print_next(&self) {
        let bold = anstyle::Style::new().bold();
        let folder = shell::path(&self.path);
        anstream::println!("\n  run it           {bold}cd {folder} && {}{bold:#}", self.next.run);
        anstream::println!("  see a response   {bold}{}{bold:#}", self.next.request);
        anstream::println!("  test it          {bold}{}{bold:#}", self.next.test);
    }

    pub(super) fn print_json(&self, committed: &Committed, proof: Option<&check::Report>) {
        println!("{:#}", self.json(Some(committed), proof));
    }

    pub(super) fn print_dry_run(&self, as_json: bool) {
        if as_json {
            println!("{:#}", self.json(None, None));
            return;
        }
        for (path, entry) in self.project.tree.iter() {
            let mark = if entry.executable { "*" } else { "" };
            anstream::println!("{:>9}  {path}{mark}", entry.bytes.len());
        }
        anstream::println!("{}", self.headline("would pour"));
    }

    fn headline(&self, verb: &str) -> String {
        let Project { tree, hash, .. } = self.project;
        let size = indicatif::DecimalBytes(tree.bytes() as u64);
        format!("{verb} {}: {} files, {size}\n  tree {hash}", self.answers.name(), tree.len())
    }

    /// Keys are stable.
    fn json(&self, committed: Option<&Committed>, proof: Option<&check::Report>) -> Value {
        let answers: Map<_, _> =
            self.answers.chosen().map(|(slot, option)| (slot.to_owned(), option.into())).collect();
        let file = |(path, entry): (&str, &Entry)| json!({ "path": path, "bytes": entry.bytes.len(), "executable": entry.executable });
        json!({
            "schema": 1,
            "name": self.answers.name().as_str(),
            "path": self.path,
            "dry_run": committed.is_none(),
            "answers": answers,
            "preset": self.answers.preset().map(preset),
            "vars": self.answers.vars().collect::<std::collections::BTreeMap<_, _>>(),
            "tree_hash": self.project.hash.to_string(),
            "crates": self.crates,
            "files": self.project.tree.iter().map(file).collect::<Vec<_>>(),
            "git": committed.map(git),
            "check": proof,
            "next": self.next,
        })
    }
}

fn preset(pinned: &Pinned) -> Value {
    let git = |pin: &Pin| json!({ "url": pin.url, "reference": pin.reference, "commit": pin.commit });
    json!({ "from": pinned.from, "hash": pinned.hash, "git": pinned.git.iter().map(git).collect::<Vec<_>>() })
}

fn git(committed: &Committed) -> Value {
    match committed {
        Committed::New => json!({ "committed": true, "repository": "new", "reason": null }),
        Committed::Around(folder) => json!({ "committed": true, "repository": folder, "reason": null }),
        Committed::No(reason) => json!({ "committed": false, "repository": null, "reason": reason }),
    }
}
