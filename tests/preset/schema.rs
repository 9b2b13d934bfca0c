//! The JSON schema is what the parser takes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{support::formwork, team::team};

const SHIPPED: &str = include_str!("../../docs/preset.schema.json");

#[test]
fn the_shipped_file_is_what_the_command_prints() {
    assert_eq!(
        formwork("preset schema").succeeds(),
        SHIPPED,
        "formwork preset schema > docs/preset.schema.json"
    );
}

/// The keys that the parser says it expects, where `text` has one that it does not know.
fn expected(text: &str) -> BTreeSet<String> {
    let team = team().has("ours.toml", text);
    let outcome = team.preset("show ours.toml").fails(2, &["unknown field `zzz`"]);
    let line = outcome.stderr.lines().next().unwrap().to_owned();
    line.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

#[test]
fn it_has_the_keys_of_the_parser_and_no_others() {
    let schema: Value = serde_json::from_str(SHIPPED).unwrap();
    let keys =
        |value: &Value| value["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let properties = &schema["properties"];
    assert_eq!(keys(&schema), expected("schema = 1\nzzz = 1\n"));
    let variable = &properties["vars"]["additionalProperties"];
    assert_eq!(keys(variable), expected("schema = 1\n[vars.a]\nask = \"?\"\nzzz = 1\n"));
    // With one key alone the parser does not say `one of`.
    assert_eq!(keys(&properties["overlay"]), ["dir".to_owned()].into());
}

#[test]
fn it_offers_every_slot_and_option_of_the_catalog() {
    let schema: Value = serde_json::from_str(SHIPPED).unwrap();
    for slot in formwork::catalog::Catalog::embedded().unwrap().slots() {
        let offered = &schema["properties"]["answers"]["properties"][&slot.name]["anyOf"][0]["enum"];
        let offered: Vec<_> =
            offered.as_array().unwrap().iter().map(|option| option.as_str().unwrap()).collect();
        assert_eq!(offered, slot.option_names().collect::<Vec<_>>());
    }
}
