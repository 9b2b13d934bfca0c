//! A part: one option of a slot, or the base; its manifest with every name checked.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    condition::{Condition, Verdict, Vocabulary},
    manifest::{Commands, Dependency, FilesEntry, Kind, Latency, Notes, PartFile, RuleEntry, Variable},
    server::Server,
    source::Source,
};
use crate::{
    error::{Error, Result},
    toml_file::{self, line_of},
};

/// What a file set's condition calls the servers of a plan, as if they were a slot's options.
pub(super) const SERVER: &str = "server";
pub(super) const SOME: &str = "some";
pub(super) const NONE: &str = "none";

/// Of a file set, and of a project.
pub const MIGRATIONS: &str = "migrations/";

#[derive(Clone, Debug)]
pub struct Part {
    /// `storage/sqlite`, or `base`: also its folder.
    pub id: String,
    /// The slot; `base` for the base.
    pub slot: String,
    pub name: String,
    pub title: String,
    pub summary: String,
    pub tradeoff: String,
    pub order: u32,
    pub requires: Vec<Rule>,
    pub conflicts: Vec<Rule>,
    pub dependencies: BTreeMap<String, Dependency>,
    pub dev_dependencies: BTreeMap<String, Dependency>,
    pub env: Vec<Variable>,
    pub files: Vec<FileSet>,
    /// What it needs beside the service.
    pub server: Option<Server>,
    pub latency: Vec<Latency>,
    pub commands: Commands,
    pub notes: Notes,
    /// Where its manifest stands, for messages.
    pub manifest: PathBuf,
}

/// A condition on the other slots, and the way out when it is not met.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The condition as its author wrote it.
    pub text: String,
    pub condition: Condition,
    pub message: String,
}

/// A folder of files that a plan takes when `when` holds.
#[derive(Clone, Debug)]
pub struct FileSet {
    pub dir: String,
    pub when: Option<Condition>,
    /// The folder of migrations that come where a project that has had the files takes them no more.
    pub left: Option<String>,
}

impl Part {
    pub(super) fn load(source: &Source, id: &str, known: &Vocabulary) -> Result<Self> {
        let path = format!("{id}/part.toml");
        let (slot, name) = id.split_once('/').unwrap_or((id, id));
        let reader = Reader { source, file: source.locate(&path), text: source.text(&path)?, known };
        let parsed: PartFile = toml_file::parse(&reader.file, reader.text)?;
        Ok(Self {
            requires: reader.rules(&parsed.requires)?,
            conflicts: reader.rules(&parsed.conflicts)?,
            env: reader.variables(&parsed)?,
            files: reader.file_sets(id, &parsed)?,
            server: reader.server(&parsed)?,
            id: id.to_owned(),
            slot: slot.to_owned(),
            name: name.to_owned(),
            title: parsed.title,
            summary: parsed.summary,
            tradeoff: parsed.tradeoff,
            order: parsed.order,
            dependencies: parsed.dependencies,
            dev_dependencies: parsed.dev_dependencies,
            latency: parsed.latency,
            commands: parsed.commands,
            notes: parsed.notes,
            manifest: reader.file,
        })
    }

    /// The way out of every rule that `chosen` breaks for certain.
    pub fn broken_rules<'a, 'b>(
        &'a self,
        chosen: impl Fn(&str) -> Option<&'b str> + Copy + 'a,
    ) -> impl Iterator<Item = &'a str> {
        let broken = move |rules: &'a [Rule], verdict| {
            rules.iter().filter(move |rule| rule.condition.verdict(chosen) == verdict)
        };
        broken(&self.requires, Verdict::Fails)
            .chain(broken(&self.conflicts, Verdict::Holds))
            .map(|rule| rule.message.as_str())
    }
}

struct Reader<'a> {
    source: &'a Source,
    file: PathBuf,
    text: &'a str,
    known: &'a Vocabulary,
}

impl Reader<'_> {
    fn rules(&self, entries: &[RuleEntry]) -> Result<Vec<Rule>> {
        let rule = |entry: &RuleEntry| {
            let condition = self.condition(&entry.condition)?;
            Ok(Rule { text: entry.condition.get_ref().clone(), condition, message: entry.message.clone() })
        };
        entries.iter().map(rule).collect()
    }

    fn condition(&self, text: &toml::Spanned<String>) -> Result<Condition> {
        Condition::parse(text.get_ref(), self.known).map_err(|error| self.located(error, text.span().start))
    }

    /// One that may also ask whether anything in the plan needs a server.
    fn condition_of_files(&self, text: &toml::Spanned<String>) -> Result<Condition> {
        let mut known = self.known.clone();
        known.insert(SERVER.to_owned(), [SOME, NONE].map(str::to_owned).to_vec());
        Condition::parse(text.get_ref(), &known).map_err(|error| self.located(error, text.span().start))
    }

    fn located(&self, error: Error, offset: usize) -> Error {
        error.at(&self.file, Some(line_of(self.text, offset)))
    }

    fn variables(&self, parsed: &PartFile) -> Result<Vec<Variable>> {
        for variable in &parsed.env {
            if let Some(problem) = problem_of(variable.get_ref()) {
                let message = format!("variable `{}` {problem}", variable.get_ref().name);
                return Err(self.located(Error::usage(message), variable.span().start));
            }
        }
        Ok(parsed.env.iter().map(|variable| variable.get_ref().clone()).collect())
    }

    fn server(&self, parsed: &PartFile) -> Result<Option<Server>> {
        let Some(server) = &parsed.server else { return Ok(None) };
        let (server, offset) = (server.get_ref(), server.span().start);
        server.check(&self.file, self.text, offset)?;
        let is_declared =
            |name: &&String| parsed.env.iter().any(|variable| variable.get_ref().name == **name);
        let mut told = server.settings.keys().chain(server.patience.keys());
        if let Some(name) = told.find(|name| !is_declared(name)) {
            let error = Error::usage(format!(
                "server `{}` sets `{name}`, which is no variable of this part",
                server.name
            ));
            return Err(self.located(error, offset).help("add it as [[env]]"));
        }
        Ok(Some(server.clone()))
    }

    fn file_sets(&self, id: &str, parsed: &PartFile) -> Result<Vec<FileSet>> {
        if parsed.files.is_empty() {
            return Ok(vec![FileSet { dir: format!("{id}/files"), when: None, left: None }]);
        }
        let set = |entry: &FilesEntry| {
            let dir = self.folder(id, &entry.dir)?;
            let when = entry.when.as_ref().map(|when| self.condition_of_files(when)).transpose()?;
            let left = entry.left.as_ref().map(|left| self.folder_of_migrations(id, left)).transpose()?;
            Ok(FileSet { dir, when, left })
        };
        parsed.files.iter().map(set).collect()
    }

    /// One that has files.
    fn folder(&self, id: &str, name: &toml::Spanned<String>) -> Result<String> {
        let folder = format!("{id}/{}", name.get_ref());
        match self.source.under(&folder).next() {
            Some(_) => Ok(folder),
            None => {
                let error = Error::usage(format!("there is no file in `{}`", name.get_ref()));
                Err(self.located(error, name.span().start))
            }
        }
    }

    fn folder_of_migrations(&self, id: &str, name: &toml::Spanned<String>) -> Result<String> {
        let folder = self.folder(id, name)?;
        match self.source.under(&folder).find(|(path, _)| !is_migration(path)) {
            None => Ok(folder),
            Some((path, _)) => {
                let error = Error::usage(format!("`{}/{path}` is no migration", name.get_ref()));
                let error =
                    error.help("only migrations come where an option is left: migrations/NUMBER_….sql");
                Err(self.located(error, name.span().start))
            }
        }
    }
}

pub fn is_migration(path: &str) -> bool {
    path.starts_with(MIGRATIONS) && path.ends_with(".sql")
}

fn problem_of(variable: &Variable) -> Option<&'static str> {
    let is_choice = variable.kind == Kind::Choice;
    let default_is_a_choice =
        variable.default.as_ref().is_none_or(|default| variable.choices.contains(default));
    let name_is_plain = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    match variable {
        _ if !name_is_plain(&variable.name) => Some("may have only A-Z, 0-9 and _ in its name"),
        _ if is_choice && variable.choices.is_empty() => Some("is a choice and lists no `choices`"),
        _ if !is_choice && !variable.choices.is_empty() => Some("lists `choices` and is not a choice"),
        _ if is_choice && !default_is_a_choice => Some("has a default that is not one of its choices"),
        _ => None,
    }
}
