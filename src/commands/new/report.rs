//! What `formwork new` says at the end, for people and for machines.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    answers::Answers,
    catalog::Commands,
    project::{Committed, Project},
    render::Render,
};

pub(super) struct Report<'a> {
    answers: &'a Answers,
    path: PathBuf,
    project: &'a Project,
    crates: usize,
    next: Next,
}

/// What the owner types next.
#[derive(Serialize)]
struct Next {
    run: String,
    request: String,
    test: String,
}

impl<'a> Report<'a> {
    pub(super) fn new(answers: &'a Answers, path: &Path, render: &Render, project: &'a Project) -> Self {
        let Commands { run, request, test } = render.commands.clone();
        let next = Next {
            run: run.unwrap_or_else(|| "cargo run".to_owned()),
            request: request.unwrap_or_else(|| "curl -i http://127.0.0.1:8080/".to_owned()),
            test: test.unwrap_or_else(|| "cargo test".to_owned()),
        };
        Self { answers, path: path.to_owned(), project, crates: render.crates().count(), next }
    }

    pub(super) fn print(&self, committed: &Committed, as_json: bool) {
        if as_json {
            println!("{:#}", self.json(Some(committed)));
            return;
        }
        anstream::println!("{}", self.headline("poured"));
        match committed {
            Committed::New => anstream::println!("  committed as the first commit of its own repository"),
            Committed::Around(repository) => {
                anstream::println!("  committed in the repository {}", repository.display());
            }
            Committed::No(reason) => anstream::println!("  not committed: {reason}"),
        }
        let folder = shown(&self.path);
        let bold = anstyle::Style::new().bold();
        anstream::println!("\n  run it           {bold}cd {folder} && {}{bold:#}", self.next.run);
        anstream::println!("  see a response   {bold}{}{bold:#}", self.next.request);
        anstream::println!("  test it          {bold}{}{bold:#}", self.next.test);
    }

    pub(super) fn print_dry_run(&self, as_json: bool) {
        if as_json {
            println!("{:#}", self.json(None));
            return;
        }
        for (path, entry) in self.project.tree.iter() {
            let mark = if entry.executable { "*" } else { "" };
            anstream::println!("{:>9}  {path}{mark}", entry.bytes.len());
        }
        anstream::println!("{}", self.headline("would pour"));
    }

    fn headline(&self, verb: &str) -> String {
        format!(
            "{verb} {}: {} files, {} crates in its lock, tree {}",
            self.answers.name(),
            self.project.tree.len(),
            self.crates,
            self.project.hash
        )
    }

    /// Keys are stable: docs name them.
    fn json(&self, committed: Option<&Committed>) -> Value {
        let answers: Map<_, _> =
            self.answers.chosen().map(|(slot, option)| (slot.to_owned(), option.into())).collect();
        let file = |(path, entry): (&str, &crate::render::Entry)| json!({ "path": path, "bytes": entry.bytes.len(), "executable": entry.executable });
        json!({
            "schema": 1,
            "name": self.answers.name().as_str(),
            "path": self.path,
            "dry_run": committed.is_none(),
            "answers": answers,
            "tree_hash": self.project.hash.to_string(),
            "crates": self.crates,
            "files": self.project.tree.iter().map(file).collect::<Vec<_>>(),
            "git": committed.map(git),
            "next": self.next,
        })
    }
}

fn git(committed: &Committed) -> Value {
    match committed {
        Committed::New => json!({ "committed": true, "repository": "new", "reason": null }),
        Committed::Around(folder) => json!({ "committed": true, "repository": folder, "reason": null }),
        Committed::No(reason) => json!({ "committed": false, "repository": null, "reason": reason }),
    }
}

/// A path as it can be typed: relative where that is shorter, quoted where it must be.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok().and_then(|here| here.canonicalize().ok());
    let relative = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    let shown = match relative {
        Some(relative) if !relative.as_os_str().is_empty() => relative.to_string_lossy(),
        _ => path.to_string_lossy(),
    };
    quoted(&shown)
}

/// Quoted for a POSIX shell, if that is needed.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:@%+,".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
