//! `formwork preset check`, without building what it renders.

use serde_json::Value;

use crate::team::{Team, team};

fn open() -> Team {
    team().has(
        "ours.toml",
        "schema = 1\nextends = \"embedded\"\n[allow]\ncache = [\"none\", \"memory\"]\nllm = [\"anthropic\", \"openai\"]\n\
         [vars.team]\nask = \"?\"\nexample = \"pay\"\n[overlay]\ndir = \"overlay\"\n",
    )
    .has("overlay/OWNERS.jinja", "{{ vars.team }}\n")
}

#[test]
fn every_combination_renders_and_is_reported() {
    let team = open();
    let said = team.preset("check ours.toml --render --junit report.xml").succeeds();
    assert!(
        said.contains("leaves open: cache, llm") && said.contains("4 of 4 combinations render"),
        "{said}"
    );
    let xml = team.text("report.xml");
    assert!(
        xml.contains("tests=\"4\" failures=\"0\"") && xml.contains("name=\"cache=none llm=openai\""),
        "{xml}"
    );
    let json: Value =
        serde_json::from_str(&team.preset("check ours.toml --render --json").succeeds()).unwrap();
    assert_eq!((json["passed"].as_bool(), json["rendered"].as_array().unwrap().len()), (Some(true), 4));
}

#[test]
fn one_that_does_not_render_is_named_and_the_exit_code_says_so() {
    let team = open()
        .has("overlay/OWNERS.jinja", "{% if answers.cache == 'memory' %}{{ vars.nobody }}{% endif %}\n");
    let outcome = team.preset("check ours.toml --render --junit report.xml").run();
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    for text in [
        "cache=memory llm=openai does not render",
        "OWNERS.jinja:1",
        "2 of 4 combinations render",
        "does not hold",
    ] {
        assert!(outcome.stdout.contains(text), "{text:?} is not in:\n{}", outcome.stdout);
    }
    let xml = team.text("report.xml");
    assert!(xml.contains("tests=\"4\" failures=\"2\"") && xml.contains("<failure message="), "{xml}");
}

#[test]
fn pairs_are_checked_as_projects() {
    let team = team()
        .has(
            "ours.toml",
            "schema = 1\nextends = \"embedded\"\n[allow]\ncache = [\"none\", \"memory\"]\n[overlay]\ndir = \"overlay\"\n",
        )
        .has("overlay/src/extra.rs", "//! Not formatted.\nfn   x() {}\n");
    // No file declares the module, so cargo does not look at it: the projects are formatted.
    let said = team.preset("check ours.toml --steps fmt --junit report.xml").succeeds();
    assert!(said.contains("1 of 2: cache=none") && said.contains("2 of 2 projects"), "{said}");
    let xml = team.text("report.xml");
    assert!(xml.contains("<testsuite name=\"cache=memory\" tests=\"1\" failures=\"0\""), "{xml}");
    team.write("overlay/src/main.rs", "fn   main() {}\n");
    let outcome = team.preset("check ours.toml --steps fmt --json").run();
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let kept = json["checked"][0]["kept"].as_str().unwrap();
    assert!(std::path::Path::new(kept).join("Cargo.toml").is_file(), "a red project is kept");
    for one in json["checked"].as_array().unwrap() {
        let kept = std::path::Path::new(one["kept"].as_str().unwrap());
        std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    }
}

#[test]
fn what_moved_below_an_overlay_is_a_warning() {
    let team = open().has("overlay/deny.toml", "# ours\n");
    let warning = "deny.toml: formwork writes this file too, and the overlay replaces it";
    let said = team.preset("check ours.toml --render").succeeds();
    assert!(said.contains(warning), "{said}");
    team.preset("lock ours.toml").succeeds();
    assert!(!team.preset("check ours.toml --render").succeeds().contains("warning"));
    let lock = team.text("ours.lock.toml");
    let at = lock.find("sha256:").unwrap() + "sha256:".len();
    team.write("ours.lock.toml", &format!("{}{}{}", &lock[..at], "0".repeat(64), &lock[at + 64..]));
    let said = team.preset("check ours.toml --render").succeeds();
    assert!(said.contains("deny.toml: formwork's own has changed since"), "{said}");
    std::fs::remove_file(team.path().join("overlay/deny.toml")).unwrap();
    assert!(team.preset("check ours.toml --render").succeeds().contains("does not write this file any more"));
}

#[test]
fn a_question_without_an_example_is_told_before_anything_is_rendered() {
    let team = open().has("ours.toml", "schema = 1\nextends = \"embedded\"\n[vars.team]\nask = \"?\"\n");
    team.preset("check ours.toml --render")
        .fails(2, &["ours.toml:3", "neither a default nor an example", "--var"]);
    team.preset("check ours.toml --render --var team=pay").succeeds();
}
