//! A preset's own questions.

use crate::team::{Team, team};

fn asking() -> Team {
    let preset = "\
schema = 1
extends = \"embedded\"

[vars.team]
ask = \"Which team owns it?\"
pattern = \"[a-z-]+\"
hint = \"as in the directory: lower case and dashes\"

[vars.pager]
ask = \"Who is called at night?\"
default = \"nobody\"

[overlay]
dir = \"overlay\"
";
    team()
        .has("ours.toml", preset)
        .has("overlay/OWNERS.jinja", "{{ vars.team }} of {{ project.name }}, calls {{ vars.pager }}\n")
}

#[test]
fn an_answer_reaches_the_files_and_is_recorded() {
    let team = asking();
    team.pour("orders --preset ours.toml --yes --var team=pay-ments").succeeds();
    assert_eq!(team.text("orders/OWNERS"), "pay-ments of orders, calls nobody\n");
    let state: toml::Table = team.text("orders/formwork.toml").parse().unwrap();
    assert_eq!(state["vars"]["team"].as_str(), Some("pay-ments"));
    assert_eq!(state["vars"]["pager"].as_str(), Some("nobody"));
    assert_eq!(state["preset"]["from"].as_str(), Some("../ours.toml"));
    assert!(state["preset"]["hash"].as_str().unwrap().starts_with("sha256:"));
    let json = team.dry("--preset ours.toml --yes --var team=a --var pager=all");
    assert_eq!(json["vars"], serde_json::json!({ "team": "a", "pager": "all" }));
    assert_eq!(json["preset"]["from"], "../../ours.toml");
}

#[test]
fn what_is_missing_or_does_not_fit_is_told_with_its_question() {
    let team = asking();
    let asked = "Which team owns it? --var team=…";
    let outcome = team.pour("orders --preset ours.toml --yes").fails(2, &[asked]);
    assert!(!outcome.stderr.contains("--var pager"), "a default is taken: {}", outcome.stderr);
    team.pour("orders --preset ours.toml")
        .fails(2, &[asked, "Who is called at night? --var pager=…", "--yes"]);
    for (var, texts) in [
        ("team=Payments", ["it must match [a-z-]+", "as in the directory: lower case and dashes"]),
        ("taem=a", ["nothing asks for `taem`", "did you mean `team`?"]),
        ("team", ["is not the value of a variable", "--var NAME=VALUE"]),
    ] {
        team.pour(&format!("orders --preset ours.toml --yes --var {var}")).fails(2, &texts);
    }
    team.pour("orders --yes --var team=a")
        .fails(2, &["nothing asks for `team`", "only a preset has variables"]);
}

#[test]
fn a_preset_answers_what_the_one_below_it_asks() {
    let team = asking().has("pay.toml", "schema = 1\nextends = \"ours.toml\"\n[values]\nteam = \"pay\"\n");
    assert_eq!(team.dry("--preset pay.toml --yes")["vars"]["team"], "pay");
    assert_eq!(team.dry("--preset pay.toml --yes --var team=other")["vars"]["team"], "other");
    for (rest, texts) in [
        ("[values]\nteam = \"PAY\"\n", ["pay.toml:4", "it must match"]),
        ("[values]\ntaem = \"pay\"\n", ["pay.toml:4", "did you mean `team`?"]),
        ("[vars.team]\nask = \"Again?\"\n", ["pay.toml:3", "`team` is asked by ours.toml:4 already"]),
        ("[vars.Team]\nask = \"Again?\"\n", ["pay.toml:3", "cannot be a variable's name"]),
        ("[vars.other]\nask = \"\"\n", ["pay.toml:3", "asks nothing"]),
        ("[vars.other]\nask = \"?\"\npattern = \"(\"\n", ["pay.toml:5", "is not a pattern"]),
        ("[vars.other]\nask = \"?\"\npattern = \"a\"\ndefault = \"b\"\n", ["pay.toml:6", "it must match a"]),
    ] {
        team.write("pay.toml", &format!("schema = 1\nextends = \"ours.toml\"\n{rest}"));
        team.pour("orders --preset pay.toml --yes").fails(2, &texts);
    }
}
