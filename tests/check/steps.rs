//! What the steps do and say.

use std::fs;

use crate::fixture::{Fixture, STEPS, run, step};

#[test]
fn dependencies_are_compiled_once_and_nothing_is_left_to_compile() {
    let cache = tempfile::tempdir().expect("a temporary folder");
    let first = Fixture::with_cache("first", cache.path().to_owned());
    let (report, code) = first.report(STEPS);
    assert_eq!(code, Some(0), "{report}");
    let total = report["crates"]["total"].as_u64().expect("a number");
    assert!(total > 10, "{report}");
    assert_eq!(report["crates"]["compiled"], total);
    assert_eq!(step(&report, "clippy")["crates_compiled"], total);
    assert_eq!(step(&report, "build")["crates_compiled"], 0);
    assert_eq!(step(&report, "test")["crates_compiled"], 0);
    assert!(first.compiles_nothing(&["build"]), "cargo build after the check");
    assert!(first.compiles_nothing(&["test", "--no-run"]), "cargo test after the check");
    assert!(first.path.join("target/CACHEDIR.TAG").is_file());

    let second = Fixture::with_cache("second", cache.path().to_owned());
    let (report, code) = second.report(STEPS);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["crates"]["compiled"], 0, "{report}");
    assert_eq!(report["crates"]["total"], total);
    assert!(report["crates"]["units_from_cache"].as_u64() >= Some(total), "{report}");
    assert!(second.compiles_nothing(&["build"]), "cargo build after the second project's check");
    assert!(second.path.join("target/CACHEDIR.TAG").is_file());
}

#[test]
fn what_is_booted_was_compiled_by_the_plain_compiler() {
    let fixture = Fixture::new("plain");
    fixture.replace(
        "src/main.rs",
        "    ctrlc::set_handler",
        "    if cfg!(clippy) {\n        process::exit(3);\n    }\n    ctrlc::set_handler",
    );
    for round in ["the first check", "a check that finds everything compiled"] {
        let (report, code) = fixture.report("clippy,build,boot");
        assert_eq!(code, Some(0), "{round}: {report}");
    }
}

#[test]
fn a_lint_fails_the_check_and_does_not_hide_the_rest() {
    let fixture = Fixture::new("linted");
    fixture.append("src/lib.rs", "\npub fn is_blank(text: &str) -> bool {\n    text.len() == 0\n}\n");
    fixture.replace(
        "src/lib.rs",
        "#[cfg(test)]\nmod tests {",
        "#[cfg(test)]\n#[allow(clippy::items_after_test_module)]\nmod tests {",
    );
    let (report, code) = fixture.report("clippy,build");
    assert_eq!(code, Some(1), "{report}");
    let clippy = step(&report, "clippy");
    assert_eq!(clippy["outcome"], "failed");
    assert_eq!(clippy["summary"], "1 error");
    let excerpt = clippy["excerpt"].as_str().expect("an excerpt");
    assert!(excerpt.contains("length comparison to zero") && excerpt.contains("src/lib.rs"), "{excerpt}");
    assert!(!excerpt.contains('\u{1b}'), "colours in JSON: {excerpt:?}");
    assert_eq!(step(&report, "build")["outcome"], "passed");
}

#[test]
fn on_another_toolchain_than_the_proven_one_lints_are_news() {
    let fixture = Fixture::new("newer");
    let proven = fs::read_to_string(fixture.path.join("rust-toolchain.toml")).expect("a file");
    let release = proven.split('"').nth(1).expect("a channel").to_owned();
    fixture.replace("rust-toolchain.toml", &release, "1.1.0");
    fixture.append("src/lib.rs", "\nfn unused() {}\n");
    let mut command = fixture.formwork(&["check", "--json", "--steps", "clippy"]);
    // The user's own choice of toolchain, which is respected when cargo does not stand between.
    command.env("RUSTUP_TOOLCHAIN", &release).env_remove("CARGO");
    let outcome = run(command);
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.out, outcome.err);
    assert!(outcome.out.contains("warnings, which are no verdict"), "{}", outcome.out);
}

#[test]
fn code_that_does_not_compile_stops_what_needs_it() {
    let fixture = Fixture::new("broken");
    fixture.append("src/lib.rs", "\npub fn number() -> u32 {\n    \"text\"\n}\n");
    let (report, code) = fixture.report(STEPS);
    assert_eq!(code, Some(1), "{report}");
    let excerpt = step(&report, "clippy")["excerpt"].as_str().expect("an excerpt");
    assert!(excerpt.contains("E0308") && excerpt.contains("src/lib.rs"), "{excerpt}");
    assert_eq!(step(&report, "fmt")["outcome"], "passed");
    for skipped in ["build", "test", "boot"] {
        assert_eq!(step(&report, skipped)["outcome"], "skipped", "{skipped}");
    }
}

#[test]
fn a_failing_test_is_shown_with_its_output_and_in_the_junit_report() {
    let fixture = Fixture::new("red");
    fixture.replace("tests/it.rs", "text.starts_with('{')", "text.starts_with('[')");
    let outcome = run(fixture.formwork(&["check", "--steps", "test,boot", "--junit", "report.xml"]));
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    assert!(outcome.out.contains("any_answer_is_json"), "{}", outcome.out);
    assert!(outcome.out.contains("assertion failed: text.starts_with('[')"), "{}", outcome.out);
    assert!(outcome.out.contains("next: formwork check"), "{}", outcome.out);
    assert!(outcome.out.contains("boot    ok"), "{}", outcome.out);
    let log = fs::read_to_string(fixture.path.join("target/formwork/test.log")).expect("a log");
    assert!(log.contains("any_answer_is_json ... FAILED"), "{log}");
    let junit = fs::read_to_string(fixture.path.join("report.xml")).expect("a report");
    assert!(junit.contains("<testcase classname=\"test\" name=\"tests::it_is_ready\"/>"), "{junit}");
    assert!(junit.contains("<skipped message=\"needs a server\"/>"), "{junit}");
    assert!(junit.contains("<failure message="), "{junit}");
}

#[test]
fn a_service_that_never_gets_ready_fails_to_boot_with_its_log() {
    let fixture = Fixture::new("silent");
    fixture.replace(
        "src/main.rs",
        "    ctrlc::set_handler",
        "    anyhow::bail!(\"no database\");\n    #[allow(unreachable_code)]\n    ctrlc::set_handler",
    );
    let (report, code) = fixture.report("boot,probe");
    assert_eq!(code, Some(1), "{report}");
    let boot = step(&report, "boot");
    assert!(boot["summary"].as_str().is_some_and(|summary| summary.contains("ended by itself")), "{boot}");
    assert!(boot["excerpt"].as_str().is_some_and(|excerpt| excerpt.contains("no database")), "{boot}");
    assert_eq!(step(&report, "probe")["outcome"], "skipped");
}

#[test]
fn a_binary_that_prints_no_claims_is_red() {
    let fixture = Fixture::new("claimless");
    fixture.replace("src/main.rs", "    ctrlc::set_handler", "    if env::args().len() > 1 {\n        anyhow::bail!(\"no such command\");\n    }\n    ctrlc::set_handler");
    let (report, code) = fixture.report("probe");
    assert_eq!(code, Some(1), "{report}");
    let case = &step(&report, "probe")["cases"][0];
    assert_eq!(case["outcome"], "broken");
    assert!(
        case["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("`openapi`") && detail.contains("no such command")),
        "{case}"
    );
}

#[test]
fn a_folder_without_a_project_is_wrong_use() {
    let fixture = Fixture::new("empty");
    let outcome = run(fixture.formwork(&["check", "src"]));
    assert_eq!(outcome.code, Some(2), "{}", outcome.err);
    assert!(outcome.err.contains("no Cargo.toml") && outcome.err.contains("formwork new"), "{}", outcome.err);
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_the_work() {
    let fixture = Fixture::new("unwritable");
    let outcome = run(fixture.formwork(&["check", "--junit", "no/such/folder/report.xml"]));
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.err.contains("no/such/folder/report.xml"), "{}", outcome.err);
    assert!(!fixture.path.join("target").exists());
}

#[test]
fn without_a_terminal_there_are_plain_lines() {
    let fixture = Fixture::new("lines");
    let outcome = fixture.check("fmt,build");
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);
    assert!(outcome.out.starts_with("  fmt     ok"), "{}", outcome.out);
    for stream in [&outcome.out, &outcome.err] {
        assert!(!stream.contains(['\u{1b}', '\r']), "control characters: {stream:?}");
    }
}
