//! Answers, locks and limits, over one preset and over several that extend each other.

use crate::team::{Team, team};

const COMPANY: &str = "\
schema = 1
extends = \"embedded\"
description = \"How Acme builds services\"

[answers]
cache = \"none\"
auth = \"jwt\"

[lock]
auth = \"tokens come from our identity provider\"

[allow]
llm = [\"anthropic\", \"none\"]
";

fn company() -> Team {
    team().has("acme.toml", COMPANY)
}

#[test]
fn what_is_extended_answers_first_and_what_extends_has_the_last_word() {
    let company = company();
    let answers = company.dry("--preset acme.toml --yes")["answers"].clone();
    assert_eq!((answers["storage"].as_str(), answers["cache"].as_str()), (Some("sqlite"), Some("none")));
    // The first that is allowed is recommended, also where the base preset answered something else.
    assert_eq!(answers["llm"], "anthropic");
    let answers =
        company.dry("--preset acme.toml --yes --set cache=memory --set llm=none --set uses=none --set vector=none --set answer_cache=none")["answers"].clone();
    assert_eq!((answers["cache"].as_str(), answers["llm"].as_str()), (Some("memory"), Some("none")));
}

#[test]
fn only_what_is_left_open_is_missing() {
    let outcome =
        company().pour("orders --preset acme.toml").fails(2, &["language model: --set llm=anthropic|none"]);
    assert!(!outcome.stderr.contains("--set storage="), "{}", outcome.stderr);
}

#[test]
fn a_lock_and_a_limit_are_told_with_reason_file_and_line() {
    let company = company();
    company
        .pour("orders --preset acme.toml --yes --set llm=openai")
        .fails(2, &["the preset does not allow llm=openai", "acme.toml:13", "it allows: anthropic, none"]);
    let team = company.has("slots.toml", "").has(
        "locked.toml",
        "schema = 1\n[answers]\ncache = \"none\"\n[lock]\ncache = \"memory is dear here\"\n",
    );
    team.pour("orders --preset locked.toml --yes --set cache=memory")
        .fails(2, &["`cache` is locked to `none`: memory is dear here", "locked.toml:5"]);
    // Asking for what is locked anyway is no contradiction.
    assert_eq!(team.dry("--preset locked.toml --yes --set cache=none")["answers"]["cache"], "none");
}

#[test]
fn nobody_who_extends_can_undo_a_lock_or_widen_a_limit() {
    let locked = "schema = 1\n[answers]\ncache = \"none\"\n[lock]\ncache = \"memory is dear here\"\n\
                  [allow]\nllm = [\"openai\", \"none\"]\n";
    let company = team().has("base.toml", locked);
    for (rest, texts) in [
        (
            "[answers]\ncache = \"memory\"\n",
            ["ours.toml:4", "`cache` is locked to `none` by ./base.toml:5: memory is dear here"],
        ),
        ("[allow]\ncache = [\"memory\"]\n", ["ours.toml:4", "memory is dear here"]),
        (
            "[answers]\nllm = \"anthropic\"\n",
            ["ours.toml:4", "llm=anthropic is not allowed by ./base.toml:7"],
        ),
        ("[allow]\nllm = [\"none\", \"anthropic\"]\n", ["ours.toml:4", "it allows: openai, none"]),
    ] {
        company.write("ours.toml", &format!("schema = 1\nextends = \"./base.toml\"\n{rest}"));
        company.pour("orders --preset ours.toml --yes").fails(2, &texts);
    }
    company.write("ours.toml", "schema = 1\nextends = \"./base.toml\"\n[allow]\nllm = [\"none\"]\n");
    assert_eq!(company.dry("--preset ours.toml --yes")["answers"]["llm"], "none");
}

#[test]
fn a_preset_is_found_from_the_one_that_extends_it() {
    let team = team()
        .has("company/base.toml", "schema = 1\n[answers]\ncache = \"none\"\n")
        .has("teams/pay/ours.toml", "schema = 1\nextends = \"../../company/base.toml\"\n");
    assert_eq!(team.dry("--preset teams/pay/ours.toml --yes")["answers"]["cache"], "none");
}

#[test]
fn circles_and_endless_rows_are_refused_where_they_close() {
    let circle = team()
        .has("a.toml", "schema = 1\nextends = \"./b.toml\"\n")
        .has("b.toml", "schema = 1\n\nextends = \"./c.toml\"\n")
        .has("c.toml", "schema = 1\nextends = \"./a.toml\"\n");
    circle.pour("orders --preset a.toml --yes").fails(
        2,
        &["extend each other in a circle", "c.toml:2", "a.toml extends ./b.toml extends ./c.toml extends"],
    );
    circle.write("self.toml", "schema = 1\nextends = \"./self.toml\"\n");
    circle.pour("orders --preset self.toml --yes").fails(2, &["in a circle", "self.toml:2"]);
    let row = team();
    for at in 0..20 {
        row.write(&format!("{at}.toml"), &format!("schema = 1\nextends = \"./{}.toml\"\n", at + 1));
    }
    row.pour("orders --preset 0.toml --yes").fails(2, &["more than 16 presets extend each other"]);
}

#[test]
fn what_no_project_could_have_is_refused_before_anything_is_asked() {
    let team = team().has(
        "ours.toml",
        "schema = 1\n[answers]\nllm = \"none\"\nuses = \"both\"\n[lock]\nllm = \"not yet\"\nuses = \"always\"\n",
    );
    team.pour("orders --preset ours.toml")
        .fails(2, &["no project can have what this preset asks for", "ours.toml"]);
}

#[test]
fn show_says_where_each_value_came_from() {
    let company = company().has(
        "pay.toml",
        "schema = 1\nextends = \"acme.toml\"\ndescription = \"Payments\"\n[answers]\nllm = \"none\"\nuses = \"none\"\nvector = \"none\"\nanswer_cache = \"none\"\n",
    );
    let said = company.preset("show pay.toml").succeeds();
    for text in [
        "pay.toml: Payments",
        "extends acme.toml",
        "extends presets/embedded.toml",
        "presets/embedded.toml:6",
        "pay.toml:5; acme.toml:13 allows anthropic, none",
        "acme.toml:10 locks: tokens come from our identity provider",
    ] {
        assert!(said.contains(text), "{text:?} is not in:\n{said}");
    }
    let shown = company.show("pay.toml");
    let slot = |name: &str| {
        let slots = shown["slots"].as_array().unwrap();
        slots.iter().find(|slot| slot["slot"] == name).unwrap().clone()
    };
    assert_eq!(slot("llm")["from"], serde_json::json!({ "file": "pay.toml", "line": 5 }));
    assert_eq!(slot("auth")["locked"], "tokens come from our identity provider");
    assert_eq!(slot("storage")["from"]["file"], "presets/embedded.toml");
}
