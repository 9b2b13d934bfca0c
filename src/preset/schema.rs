//! The JSON schema of presets, for editors. What the catalog offers is offered; a preset may add options of its own, so
//! other names are not refused there.

use serde_json::{Map, Value, json};

use super::SCHEMA;
use crate::catalog::{Catalog, Slot};

pub fn schema(catalog: &Catalog) -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A preset of formwork",
        "type": "object",
        "required": ["schema"],
        "additionalProperties": false,
        "properties": {
            "schema": { "const": SCHEMA, "description": "The version of this format." },
            "extends": text("A shipped preset, a path from this file, or git+URL#REF:PATH."),
            "description": { "type": "string", "description": "One line, for lists." },
            "answers": of_slots(catalog, "What is not asked.", option),
            "lock": of_slots(catalog, "Why nobody may choose otherwise: slot = reason.", |_| text("The reason, shown to whoever asks for something else.")),
            "allow": of_slots(catalog, "What is left of a slot; the first is recommended.", |slot| json!({
                "type": "array", "minItems": 1, "uniqueItems": true, "items": option(slot),
            })),
            "vars": {
                "type": "object",
                "description": "Questions of yours; templates write {{ vars.NAME }}.",
                "propertyNames": { "pattern": "^[a-z][a-z0-9_]*$" },
                "additionalProperties": variable(),
            },
            "values": {
                "type": "object",
                "description": "Answers to questions that a preset below asks.",
                "additionalProperties": { "type": "string" },
            },
            "overlay": folder("Files added, or in place of formwork's, at their paths in a project."),
            "parts": folder("Parts of yours: NAME/part.toml for every project, SLOT/OPTION/part.toml for a further option."),
        },
    })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": description })
}

fn option(slot: &Slot) -> Value {
    let names: Vec<&str> = slot.option_names().collect();
    json!({
        "description": slot.question,
        "anyOf": [{ "enum": names }, { "type": "string", "pattern": "^[a-z][a-z0-9_-]*$" }],
    })
}

fn of_slots(catalog: &Catalog, description: &str, value: impl Fn(&Slot) -> Value) -> Value {
    let properties: Map<String, Value> =
        catalog.slots().iter().map(|slot| (slot.name.clone(), value(slot))).collect();
    json!({
        "type": "object",
        "description": description,
        "additionalProperties": false,
        "properties": properties,
    })
}

fn variable() -> Value {
    json!({
        "type": "object",
        "required": ["ask"],
        "additionalProperties": false,
        "properties": {
            "ask": text("The question, of one line."),
            "hint": text("What the pattern means, for people."),
            "pattern": text("A regular expression that the whole answer must match."),
            "default": { "type": "string", "description": "Taken with --yes." },
            "example": { "type": "string", "description": "What `formwork preset check` answers where there is no default." },
        },
    })
}

fn folder(description: &str) -> Value {
    json!({
        "type": "object",
        "description": description,
        "required": ["dir"],
        "additionalProperties": false,
        "properties": { "dir": text("A folder beside this file.") },
    })
}
