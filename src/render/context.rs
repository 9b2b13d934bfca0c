//! The names that a template can use; docs/template-authors.md lists them.

use std::collections::BTreeMap;

use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::manifest::{Line, Lines};
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
    variable: &'a Variable,
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
    let env = plan
        .parts
        .iter()
        .flat_map(|part| part.env.iter().map(|variable| VariableView { variable, part: part.id.as_str() }));
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
        dependencies: &lines.dependencies,
        dev_dependencies: &lines.dev_dependencies,
        toolchain: TOOLCHAIN,
        formwork: Formwork { version: VERSION },
    }))
}
