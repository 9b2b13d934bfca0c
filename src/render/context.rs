//! The names that a template can use; docs/template-authors.md lists them.

use std::collections::BTreeMap;

use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::{
    manifest::{Line, Lines},
    servers::{self, ServerView},
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
    servers: &'a [ServerView<'a>],
    dependencies: &'a [Line],
    dev_dependencies: &'a [Line],
    toolchain: &'a str,
    formwork: Formwork,
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
    let chosen = plan.parts.iter().skip(1).map(|part| {
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
        toolchain: TOOLCHAIN,
        formwork: Formwork { version: VERSION },
    }))
}
