//! The catalog for machines. Keys are stable.

use serde_json::{Value, json};

use super::Proofs;
use crate::{
    catalog::{Part, Rule, Slot},
    compare::{Comparison, Cost},
};

pub(super) fn slots(slots: &[Slot]) -> String {
    pretty(&json!({ "schema": 1, "slots": slots.iter().map(slot_value).collect::<Vec<_>>() }))
}

pub(super) fn slot(slot: &Slot) -> String {
    pretty(&json!({ "schema": 1, "slots": [slot_value(slot)] }))
}

pub(super) fn option(option: &Part, comparison: &Comparison, cost: Option<Cost>, proofs: &Proofs) -> String {
    let mut value = option_value(option);
    value["schema"] = 1.into();
    value["slot"] = option.slot.clone().into();
    value["changes"] = json!(comparison);
    value["build_seconds"] = cost.map(|cost| cost.seconds).into();
    value["build_crates"] = cost.map(|cost| cost.crates).into();
    value["proven"] = json!({ "projects": proofs.count, "current": proofs.current, "last": proofs.last });
    pretty(&value)
}

fn slot_value(slot: &Slot) -> Value {
    json!({
        "name": slot.name,
        "title": slot.title,
        "question": slot.question,
        "layer": slot.layer,
        "default": slot.default,
        "options": slot.options.iter().map(option_value).collect::<Vec<_>>(),
    })
}

fn option_value(option: &Part) -> Value {
    let rules = |rules: &[Rule]| {
        let rule = |rule: &Rule| json!({ "condition": rule.text, "message": rule.message });
        rules.iter().map(rule).collect::<Vec<_>>()
    };
    json!({
        "name": option.name,
        "title": option.title,
        "summary": option.summary,
        "tradeoff": option.tradeoff,
        "server": option.server.as_ref().map(|server| &server.title),
        "requires": rules(&option.requires),
        "conflicts": rules(&option.conflicts),
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
