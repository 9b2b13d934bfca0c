//! `formwork options`, `completions` and `man`.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use formwork::compare::Comparison;
use serde_json::Value;

use crate::support::{fixture, formwork, names, temp};

fn json(arguments: &str) -> Value {
    serde_json::from_str(&formwork(arguments).succeeds()).unwrap()
}

#[test]
fn the_catalog_is_listed_for_people_and_for_machines() {
    let said = formwork("options").succeeds();
    assert!(said.contains("storage (data): ") && said.contains("* sqlite"), "{said}");
    let slots = json("options --json");
    let names: Vec<_> = slots["slots"].as_array().unwrap().iter().map(|slot| &slot["name"]).collect();
    assert_eq!(names[..2], ["concurrency", "storage"]);
    let said = formwork("options cache").succeeds();
    assert!(said.contains("Nothing is ever stale"), "the trade-off is there: {said}");
}

#[test]
fn an_option_tells_what_it_changes() {
    let said = formwork("options cache=none").succeeds();
    for text in ["Against cache=memory:", "- moka ", "~ src/data/cache.rs", "cold check: -", "proven: "] {
        assert!(said.contains(text), "{text:?} is not in:\n{said}");
    }
    let option = json("options cache=none --json");
    assert_eq!(option["changes"]["against"], "memory");
    let (seconds, crates) = (option["build_seconds"].as_f64(), option["build_crates"].as_i64());
    assert!(
        seconds.is_some_and(|seconds| seconds < 0.0) && crates.is_some_and(|crates| crates < 0),
        "{option:#}"
    );
    assert_eq!(json("options concurrency=threads --json")["build_crates"], 0);
    assert!(formwork("options concurrency=threads").succeeds().contains("cold check: the same crates"));
    assert!(option["proven"]["projects"].is_u64() && option["proven"]["current"].is_u64(), "{option:#}");
    let changed = option["changes"]["files"]["changed"].as_array().unwrap();
    assert!(changed.iter().any(|path| path == "Cargo.toml"));
}

#[test]
fn names_that_are_not_there_are_answered_with_a_guess() {
    formwork("options cahce").fails(2, &["there is no slot `cahce`", "did you mean `cache`?"]);
    formwork("options cache=memry").fails(2, &["no option `memry`", "did you mean `memory`?"]);
}

#[test]
fn a_comparison_changes_nothing_but_the_slot_where_the_rules_allow_it() {
    let catalog = fixture();
    let of = |slot, option| Comparison::of(&catalog, catalog.option(slot, option).unwrap()).unwrap();
    // The index needs the server, so both sides have it.
    let index = of("search", "index");
    assert_eq!(index.against.as_deref(), Some("none"));
    assert_eq!(index.files.added, ["src/search.rs"]);
    assert_eq!(index.files.changed, ["notes.md"]);
    assert!(index.crates.added.is_empty() && index.crates.removed.is_empty());
    let server = of("storage", "server");
    assert_eq!(server.crates.added, ["net 3.0.0"]);
    assert_eq!(server.crates.removed, ["disk 2.0.0"]);
    assert_eq!(server.parts.added, ["storage/server"]);
    // The recommended option is compared with the next one.
    assert_eq!(of("storage", "disk").against.as_deref(), Some("server"));
}

#[test]
fn completions_and_manual_pages_are_written() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(formwork(&format!("completions {shell}")).succeeds().contains("formwork"), "{shell}");
    }
    assert!(formwork("man").succeeds().contains(".TH formwork 1"));
    let folder = temp();
    formwork("man --dir").arg(folder.path()).succeeds();
    let pages = names(folder.path());
    for page in ["formwork.1", "formwork-new.1", "formwork-options.1"] {
        assert!(pages.iter().any(|name| name == page), "{pages:?}");
    }
}

/// `formwork … | head -1`, where the rest does not fit the pipe or is written after its reader has gone.
#[test]
fn a_reader_that_has_seen_enough_is_no_fault() {
    for arguments in [
        "completions zsh",
        "man",
        "preset schema",
        "options --json",
        "new orders --yes --dry-run --json --standalone",
    ] {
        let mut command = formwork(arguments).0;
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!first.is_empty(), "{arguments}");
        assert!([Some(0), Some(141)].contains(&output.status.code()), "{arguments}: {}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_like_any_other_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = formwork("options").0.stdout(full).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: cannot write to stdout: No space left"), "{said}");
}
