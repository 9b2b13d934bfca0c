//! Everything by flags: what is made, what is said, what is refused.

use std::{fs, process::Command};

use serde_json::Value;

use crate::support::{Outcome, formwork, names, new, temp};

#[test]
fn a_project_appears_with_its_state_its_render_and_three_commands() {
    let folder = temp();
    let said = new("orders --yes").within(folder.path()).succeeds();
    for text in [
        "poured orders: ",
        "run it ",
        "cd orders && cargo run",
        "see a response   curl -i http://",
        "test it ",
    ] {
        assert!(said.contains(text), "{text:?} is not in:\n{said}");
    }
    assert_eq!(names(folder.path()), ["orders"]);
    let state: toml::Table =
        fs::read_to_string(folder.path().join("orders/formwork.toml")).unwrap().parse().unwrap();
    assert_eq!(state["project"]["name"].as_str(), Some("orders"));
    assert_eq!(state["formwork"]["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(state["formwork"]["toolchain"].as_str(), Some(formwork::TOOLCHAIN));
    assert_eq!(state["answers"]["storage"].as_str(), Some("sqlite"));
}

#[test]
fn the_kept_render_is_an_ordinary_archive_of_the_project() {
    let folder = temp();
    new("orders --yes --no-git").within(folder.path()).succeeds();
    let project = folder.path().join("orders");
    let base = folder.path().join("base");
    fs::create_dir(&base).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("xzf").arg(project.join(".formwork/base.tar.gz")).arg("-C").arg(&base);
    let outcome = Outcome::of(tar.output().unwrap());
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let mut expected = crate::support::files(&project);
    for not_merged in ["Cargo.lock", "formwork.toml", ".formwork/base.tar.gz"] {
        assert!(expected.remove(not_merged).is_some(), "{not_merged}");
    }
    assert!(crate::support::files(&base) == expected, "the archive is not the render");
}

#[test]
fn the_name_comes_from_the_path_unless_it_is_given() {
    let folder = temp();
    let name = |arguments: &str| {
        let json = new(&format!("{arguments} --yes --json --dry-run")).within(folder.path()).succeeds();
        let json: Value = serde_json::from_str(&json).unwrap();
        (json["name"].as_str().unwrap().to_owned(), json["path"].as_str().unwrap().to_owned())
    };
    let here = folder.path().canonicalize().unwrap();
    let path = |path: &str| here.join(path).to_str().unwrap().to_owned();
    assert_eq!(name("a/b/orders"), ("orders".to_owned(), path("a/b/orders")));
    assert_eq!(name("a/b --name orders"), ("orders".to_owned(), path("a/b")));
    assert_eq!(name("--name orders"), ("orders".to_owned(), path("orders")));
    let empty = folder.path().join("bills");
    fs::create_dir(&empty).unwrap();
    let json: Value =
        serde_json::from_str(&new(". --yes --json --dry-run").within(&empty).succeeds()).unwrap();
    assert_eq!(json["name"], "bills");
}

#[test]
fn json_has_stable_keys() {
    let folder = temp();
    let json = new("orders --yes --json").within(folder.path()).succeeds();
    let json: Value = serde_json::from_str(&json).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "schema",
        "name",
        "path",
        "dry_run",
        "answers",
        "preset",
        "vars",
        "tree_hash",
        "crates",
        "files",
        "git",
        "check",
        "next",
    ];
    assert_eq!(keys, expected);
    assert_eq!(json["answers"]["cache"], "memory");
    assert_eq!(json["git"]["committed"], true);
    assert!(json["files"].as_array().unwrap().iter().any(|file| file["path"] == "src/main.rs"));
    assert!(json["check"].is_null(), "--no-check");
    let next: Vec<_> = json["next"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(next, ["run", "request", "test"]);
}

#[test]
fn a_dry_run_lists_files_with_sizes_and_writes_nothing() {
    let folder = temp();
    let said = new("orders --yes --dry-run").within(folder.path()).succeeds();
    let manifest = said.lines().find(|line| line.ends_with("  Cargo.toml")).unwrap();
    assert!(manifest.trim().split(' ').next().unwrap().parse::<usize>().unwrap() > 100, "{manifest}");
    assert!(said.lines().any(|line| line.starts_with("would pour orders: ")), "{said}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn without_a_terminal_what_is_missing_is_listed_with_its_flags() {
    let folder = temp();
    let wanted = [
        "some answers are missing",
        "the project's folder: formwork new PATH",
        "cache: --set cache=memory|none",
        "--yes",
    ];
    new("--set storage=sqlite").within(folder.path()).fails(2, &wanted);
    let outcome = new("orders --set storage=sqlite").within(folder.path()).fails(2, &["--set cache="]);
    assert!(!outcome.stderr.contains("--set storage="), "what was given is not asked: {}", outcome.stderr);
    new("--yes").within(folder.path()).fails(2, &["formwork new PATH"]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn typos_are_answered_with_a_guess() {
    let folder = temp();
    for (arguments, texts) in [
        ("--set storge=sqlite", ["there is no slot `storge`", "did you mean `storage`?"]),
        ("--set cache=memroy", ["slot `cache` has no option `memroy`", "did you mean `memory`?"]),
        ("--set cache", ["`cache` is not an answer", "--set SLOT=OPTION"]),
        ("--preset embeded", ["there is no preset `embeded`", "did you mean `embedded`?"]),
        ("--preset ./none.toml", ["cannot read the preset", "./none.toml"]),
    ] {
        new(&format!("orders --yes {arguments}")).within(folder.path()).fails(2, &texts);
    }
    formwork("new orders --yess").fails(2, &["--yes"]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn names_that_cannot_be_are_refused_with_one_that_can() {
    let folder = temp();
    for (name, better) in [("test", "test-service"), ("9to5", "to5"), ("async", "async-service")] {
        let texts = ["cannot be a project's name", &format!("--name {better}")];
        new(&format!("{name} --yes")).within(folder.path()).fails(2, &texts);
    }
    new("--yes").arg("my orders").within(folder.path()).fails(2, &["--name my-orders"]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_preset_gives_answers_and_flags_come_after_it() {
    let folder = temp();
    fs::write(
        folder.path().join("ours.toml"),
        "schema = 1\ndescription = \"Ours\"\n\n[answers]\ncache = \"none\"\nstorage = \"sqlite\"\n",
    )
    .unwrap();
    let cache = |arguments: &str| {
        let json = new(&format!("orders {arguments} --json --dry-run")).within(folder.path()).succeeds();
        serde_json::from_str::<Value>(&json).unwrap()["answers"]["cache"].as_str().unwrap().to_owned()
    };
    assert_eq!(cache("--preset ours.toml --yes"), "none");
    assert_eq!(cache("--preset ours.toml --yes --set cache=memory"), "memory");
    assert_eq!(cache("--preset embedded"), "memory");
}

#[test]
fn a_wrong_preset_names_its_line() {
    let folder = temp();
    for (text, texts) in [
        ("schema = 1\n[answers]\ncahce = \"none\"\n", ["ours.toml:3", "did you mean `cache`?"]),
        ("schema = 1\n[answers]\ncache = \"non\"\n", ["ours.toml:3", "did you mean `none`?"]),
        ("schema = 1\n[anwsers]\n", ["ours.toml:2", "did you mean `answers`?"]),
        ("schema = 2\n", ["ours.toml:1", "schema 1"]),
        ("schema = 1\n\nanswers = {{\n", ["ours.toml:3", "error"]),
    ] {
        fs::write(folder.path().join("ours.toml"), text).unwrap();
        new("orders --yes --preset ours.toml").within(folder.path()).fails(2, &texts);
    }
    assert_eq!(names(folder.path()), ["ours.toml"]);
}
