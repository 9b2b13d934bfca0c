//! Compiled crates are shared between projects, bounded, and never half there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::fixture::{Fixture, Outcome, run};

fn own_cache() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn summary(fixture: &Fixture) -> Value {
    let outcome = run(fixture.formwork(&["cache", "--json"]));
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    serde_json::from_str(&outcome.out).expect("JSON")
}

/// `crates/KEY/NAME-VERSION/HASH`
fn units(cache: &Path) -> Vec<PathBuf> {
    let level = |folders: Vec<PathBuf>| -> Vec<PathBuf> {
        let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
        entries.map(|entry| entry.path()).filter(|path| path.is_dir() && !path.ends_with("tmp")).collect()
    };
    level(level(level(vec![cache.join("formwork/crates")])))
}

fn is_whole(unit: &Path) -> bool {
    let has_files = |part: &str| fs::read_dir(unit.join(part)).is_ok_and(|entries| entries.count() > 0);
    unit.join("used").is_file() && has_files("fingerprint") && (has_files("deps") || has_files("build"))
}

#[test]
fn a_check_that_is_killed_leaves_no_half_unit() {
    let cache = own_cache();
    // Through compilation, harvest and (from the second round that got that far) seeding.
    for round in 0..12_u64 {
        let fixture = Fixture::with_cache("killed", cache.path().to_owned());
        let mut command = fixture.formwork(&["check", "--steps", "build"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("formwork runs");
        thread::sleep(Duration::from_millis(60 + round * 397 % 5_000));
        child.kill().expect("a kill");
        child.wait().expect("an end");
        for unit in units(cache.path()) {
            assert!(is_whole(&unit), "round {round}: {} is half", unit.display());
        }
        if round % 4 == 3 {
            // What is left of the killed one, in its target folder too, does not disturb the next.
            let (report, code) = fixture.report("build,boot");
            assert_eq!(code, Some(0), "round {round}: {report}");
        }
    }
    let after = Fixture::with_cache("after", cache.path().to_owned());
    let (report, code) = after.report("build,test,boot");
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["notes"], Value::Array(Vec::new()), "{report}");
}

#[test]
fn two_checks_at_once_share_an_empty_cache() {
    let cache = own_cache();
    let fixtures = ["one", "two"].map(|name| Fixture::with_cache(name, cache.path().to_owned()));
    thread::scope(|scope| {
        let checks = fixtures.each_ref().map(|fixture| scope.spawn(move || fixture.report("build,boot")));
        for check in checks {
            let (report, code) = check.join().expect("a report");
            assert_eq!(code, Some(0), "{report}");
            assert_eq!(report["notes"], Value::Array(Vec::new()), "{report}");
        }
    });
    let third = Fixture::with_cache("three", cache.path().to_owned());
    let (report, _) = third.report("build,boot");
    assert_eq!(report["crates"]["compiled"], 0, "{report}");
}

/// Two builds of a crate are not always equal, and what was built upon one does not go with the other: rustc would not find
/// a crate that is there.
#[test]
fn what_was_built_upon_crates_of_another_build_is_not_kept() {
    let cache = own_cache();
    let first = Fixture::with_cache("first", cache.path().to_owned());
    assert_eq!(first.report("build").1, Some(0));
    let all = units(cache.path());
    let (lost, others) = all.split_last().expect("units");
    fs::remove_dir_all(lost).expect("it is gone");
    assert!(!others.is_empty());

    // Its owner had compiled it already, with nobody's cache.
    let second = Fixture::with_cache("second", cache.path().to_owned());
    assert!(run(second.cargo(&["build"])).code == Some(0));
    let (report, code) = second.report("build");
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(units(cache.path()).len(), others.len(), "{lost:?} is there again");

    let third = Fixture::with_cache("third", cache.path().to_owned());
    let (report, code) = third.report("build");
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(units(cache.path()).len(), all.len(), "what is built upon the cache's own is kept");
}

#[test]
fn the_cache_is_bounded() {
    let cache = own_cache();
    let fixture = Fixture::with_cache("bounded", cache.path().to_owned());
    let limited = |limit: &str, name: &str| {
        let fixture = Fixture::with_cache(name, cache.path().to_owned());
        let mut command = fixture.formwork(&["check", "--json", "--steps", "build,boot"]);
        let outcome: Outcome = run({
            command.env("FORMWORK_CACHE_MAX", limit);
            command
        });
        assert_eq!(outcome.code, Some(0), "{}{}", outcome.out, outcome.err);
    };
    limited("0", "off");
    assert_eq!(units(cache.path()).len(), 0);
    limited("8MiB", "small");
    let held = summary(&fixture);
    let bytes = held["bytes"].as_u64().expect("a number");
    assert!(bytes > 0 && bytes <= 8 << 20, "{held}");
    // Part of the crates is better than none, and no hindrance.
    limited("8MiB", "again");

    let cleared = run(fixture.formwork(&["cache", "clear"]));
    assert_eq!(cleared.code, Some(0), "{}", cleared.err);
    assert!(cleared.out.starts_with("removed "), "{}", cleared.out);
    assert_eq!(summary(&fixture)["units"], 0);
}

#[test]
fn a_limit_that_is_no_size_is_said_and_harms_nothing() {
    let fixture = Fixture::new("limit");
    let mut command = fixture.formwork(&["check", "--steps", "build"]);
    command.env("FORMWORK_CACHE_MAX", "five");
    let outcome = run(command);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(outcome.out.contains("FORMWORK_CACHE_MAX=five is no size"), "{}", outcome.out);
}
