//! `formwork preset new`: a first preset, with what is to be decided next as comments.

use std::{collections::BTreeMap, fmt::Write as _, fs, io::Write as _, path::Path};

use serde::Deserialize;

use crate::{
    answers::{Choices, Pinned},
    catalog::Catalog,
    cli::PresetNew,
    error::{Error, Result, Status},
    preset::{self, Preset},
    project::absolute,
    shell, toml_file,
};

pub(super) fn run(arguments: &PresetNew) -> Result<Status> {
    let file = &arguments.file;
    if file.extension().is_none_or(|extension| extension != "toml") {
        return Err(Error::usage("a preset is a .toml file")
            .at(file, None)
            .help("name it: presets/service.toml"));
    }
    let start = start(arguments)?;
    write(file, &start.text())?;
    println!("wrote {}", file.display());
    println!("  see it whole    formwork preset show {}", shell::path(file));
    println!("  use it          formwork new orders --preset {}", shell::path(file));
    Ok(Status::Fine)
}

/// What the preset begins with.
#[derive(Debug, Default)]
struct Start {
    extends: Option<String>,
    answers: BTreeMap<String, String>,
    values: BTreeMap<String, String>,
}

/// What a project says of itself.
#[derive(Debug, Deserialize)]
struct State {
    answers: BTreeMap<String, String>,
    #[serde(default)]
    vars: BTreeMap<String, String>,
    preset: Option<Pinned>,
}

fn start(arguments: &PresetNew) -> Result<Start> {
    let folder = absolute(&arguments.file)?.parent().map(Path::to_owned).unwrap_or_default();
    let folder = folder.canonicalize().unwrap_or(folder);
    let mut start = Start::default();
    let mut extends = arguments.extends.clone();
    if let Some(project) = &arguments.from {
        let state = state(project)?;
        if extends.is_none() {
            extends = state.preset.map(|preset| preset::seen_from_here(&preset.from, project));
        }
        start.answers = state.answers;
        start.values = state.vars;
    }
    let embedded = Catalog::embedded()?;
    let base = extends.as_ref().map(|base| Preset::load(base, &embedded)).transpose()?;
    let catalog = base.as_ref().map_or(&embedded, |base| &base.catalog);
    let mut choices = Choices::default();
    for (slot, option) in &start.answers {
        choices.set(catalog, slot, option)?;
    }
    for pair in &arguments.set {
        choices.set_pair(catalog, pair)?;
    }
    // What the base says already need not be said again.
    let said = |slot: &str| base.as_ref().and_then(|base| base.choices.get(slot));
    let new = choices.iter().filter(|(slot, option)| said(slot) != Some(*option));
    start.answers = new.map(|(slot, option)| (slot.to_owned(), option.to_owned())).collect();
    start.values.retain(|name, _| catalog.questions().iter().any(|question| question.name == *name));
    start.extends = extends.map(|base| preset::seen_from(&base, &folder)).transpose()?;
    Ok(start)
}

fn state(project: &Path) -> Result<State> {
    let file = project.join("formwork.toml");
    let text = fs::read_to_string(&file).map_err(|error| {
        Error::usage("this is not a project of formwork")
            .at(&file, None)
            .cause(error)
            .help("name the folder of a project: --from ../orders")
    })?;
    toml_file::parse(&file, &text)
}

impl Start {
    fn text(&self) -> String {
        let mut text = format!("schema = {}\n", preset::SCHEMA);
        match &self.extends {
            Some(extends) => drop(writeln!(text, "extends = {}", quoted(extends))),
            None => text.push_str(
                "# extends = \"embedded\"            # a shipped preset, a path, or git+URL#REF:PATH\n",
            ),
        }
        text.push_str("description = \"\"\n\n# What is not asked.\n[answers]\n");
        for (slot, option) in &self.answers {
            let _ = writeln!(text, "{slot} = {}", quoted(option));
        }
        if !self.values.is_empty() {
            text.push_str("\n[values]\n");
        }
        for (name, value) in &self.values {
            let _ = writeln!(text, "{name} = {}", quoted(value));
        }
        text.push_str(NEXT);
        text
    }
}

fn quoted(text: &str) -> toml::Value {
    toml::Value::from(text)
}

const NEXT: &str = r#"
# What no project of this preset may change, and why: whoever tries is told.
[lock]
# storage = "run by the platform team"

# What is left of a slot; the first is recommended.
[allow]
# cache = ["memory", "none"]

# What you ask yourselves. A template writes {{ vars.team }}.
# [vars.team]
# ask = "Which team owns it?"
# pattern = "[a-z-]+"
# example = "payments"

# Files of yours, added or in place of formwork's, at their paths in a project; NAME.jinja is a template.
# [overlay]
# dir = "overlay"

# Parts of yours, each a folder with a part.toml: crates, variables, files, tests.
# [parts]
# dir = "parts"
"#;

fn write(file: &Path, text: &str) -> Result<()> {
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::usage("there is a file already")
            .at(file, None)
            .help("give the preset another name, or change this one"),
        _ => Error::failed("cannot write the preset").at(file, None).cause(error),
    };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    let mut open = fs::OpenOptions::new().write(true).create_new(true).open(file).map_err(cannot)?;
    open.write_all(text.as_bytes()).map_err(cannot)
}
