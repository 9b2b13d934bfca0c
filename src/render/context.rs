//! The names that a template can use; docs/template-authors.md lists them.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::{
    manifest::{Line, Lines},
    servers::{self, ServerView},
    target_of,
};
use crate::{
    TOOLCHAIN, VERSION,
    catalog::{Latency, Plan, Variable},
};

#[derive(Serialize)]
struct Context<'a> {
    project: Project<'a>,
    answers: BTreeMap<&'a str, &'a str>,
    chosen: BTreeMap<&'a str, Chosen<'a>>,
    parts: Vec<PartView<'a>>,
    env: Vec<VariableView<'a>>,
    servers: &'a [ServerView],
    dependencies: &'a [Line],
    dev_dependencies: &'a [Line],
    vars: BTreeMap<&'a str, &'a str>,
    own: Own<'a>,
    toolchain: &'a str,
    formwork: Formwork,
}

/// The modules that a preset's parts bring, for the files that declare modules.
#[derive(Serialize)]
struct Own<'a> {
    /// Below `src/`.
    modules: BTreeSet<&'a str>,
    /// Below `src/config/`.
    config: BTreeSet<&'a str>,
    /// Below `tests/it/`.
    tests: BTreeSet<&'a str>,
}

#[derive(Serialize)]
struct Project<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Chosen<'a> {
    name: &'a str,
    title: &'a str,
    summary: &'a str,
    tradeoff: &'a str,
}

#[derive(Serialize)]
struct PartView<'a> {
    slot: &'a str,
    name: &'a str,
    title: &'a str,
    latency: &'a [Latency],
}

#[derive(Serialize)]
struct VariableView<'a> {
    #[serde(flatten)]
    variable: Variable,
    part: &'a str,
}

#[derive(Serialize)]
struct Formwork {
    version: &'static str,
}

pub(super) fn context(plan: &Plan<'_>, lines: &Lines) -> Value {
    let chosen = plan.chosen().map(|part| {
        let view =
            Chosen { name: &part.name, title: &part.title, summary: &part.summary, tradeoff: &part.tradeoff };
        (part.slot.as_str(), view)
    });
    let servers = servers::views(plan);
    let env = plan.parts.iter().flat_map(|part| {
        let variables = part.env.iter().cloned();
        variables.map(|variable| VariableView {
            variable: servers::with_example(variable, &servers),
            part: part.id.as_str(),
        })
    });
    let parts = plan.parts.iter().map(|part| PartView {
        slot: &part.slot,
        name: &part.name,
        title: &part.title,
        latency: &part.latency,
    });
    Value::from(Serde(Context {
        project: Project { name: plan.answers.name().as_str() },
        answers: plan.answers.chosen().collect(),
        chosen: chosen.collect(),
        parts: parts.collect(),
        env: env.collect(),
        servers: &servers,
        dependencies: &lines.dependencies,
        dev_dependencies: &lines.dev_dependencies,
        vars: plan.answers.vars().collect(),
        own: own(plan),
        toolchain: TOOLCHAIN,
        formwork: Formwork { version: VERSION },
    }))
}

fn own<'a>(plan: &Plan<'a>) -> Own<'a> {
    let paths: Vec<&str> = plan
        .files()
        .filter(|(part, _, _)| plan.catalog.own().iter().any(|own| own.id == part.id))
        .map(|(_, path, _)| target_of(path))
        .collect();
    let modules = |folder: &str| {
        let names = paths.iter().filter_map(|path| module(path.strip_prefix(folder)?));
        names.collect::<BTreeSet<_>>()
    };
    Own { modules: modules("src/"), config: modules("src/config/"), tests: modules("tests/it/") }
}

/// `acme` of `acme.rs` and of `acme/mod.rs`.
fn module(path: &str) -> Option<&str> {
    let name = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs"))?;
    (!name.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_a_file_or_a_folder_with_mod_rs() {
        for (path, name) in [
            ("acme.rs", Some("acme")),
            ("acme/mod.rs", Some("acme")),
            ("acme/client.rs", None),
            ("data/acme/mod.rs", None),
            ("acme.sql", None),
        ] {
            assert_eq!(module(path), name, "{path}");
        }
    }
}
