//! What is missing on the machine is named with the command that gets it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use crate::fixture::{Fixture, Outcome, run};

fn check_with_path(fixture: &Fixture, path: &Path) -> Outcome {
    let mut command = fixture.formwork(&["check", "--steps", "fmt"]);
    command.env("PATH", path).env_remove("CC").env_remove("CARGO");
    run(command)
}

/// Links to programs of this machine, where they are.
fn link(folder: &Path, programs: &[&str]) {
    for program in programs {
        let paths = std::env::var_os("PATH").expect("a PATH");
        let found = std::env::split_paths(&paths).map(|dir| dir.join(program)).find(|path| path.is_file());
        symlink(found.unwrap_or_else(|| panic!("no {program}")), folder.join(program)).expect("a link");
    }
}

fn script(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
}

#[test]
fn no_cargo() {
    let fixture = Fixture::new("machine");
    let empty = tempfile::tempdir().expect("a temporary folder");
    let outcome = check_with_path(&fixture, empty.path());
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(outcome.err.contains("https://sh.rustup.rs"), "{}", outcome.err);
    assert!(!fixture.path.join("target").exists());
}

#[test]
fn a_cargo_that_is_too_old() {
    let fixture = Fixture::new("machine");
    let folder = tempfile::tempdir().expect("a temporary folder");
    script(folder.path(), "cargo", "echo 'cargo 1.80.1 (376290515 2024-07-16)'");
    let outcome = check_with_path(&fixture, folder.path());
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(outcome.err.contains("1.80.1 is too old"), "{}", outcome.err);
    assert!(
        outcome.err.contains("rustup toolchain install 1.95.0 --component clippy,rustfmt"),
        "{}",
        outcome.err
    );
}

/// rustup says what it lacks; the calls that led there are nobody's business.
#[test]
fn a_cargo_that_does_not_start() {
    let fixture = Fixture::new("machine");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rustup = "echo 'error: no default is configured' >&2; [ \"$RUST_BACKTRACE\" = 0 ] || echo backtrace >&2; exit 1";
    script(folder.path(), "cargo", rustup);
    let mut command = fixture.formwork(&["check", "--steps", "fmt"]);
    command.env("PATH", folder.path()).env("RUST_BACKTRACE", "1").env_remove("CARGO");
    let outcome = run(command);
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(outcome.err.contains("cause: no default is configured"), "{}", outcome.err);
    assert!(!outcome.err.contains("backtrace"), "{}", outcome.err);
}

#[test]
fn no_rustfmt() {
    let fixture = Fixture::new("machine");
    let folder = tempfile::tempdir().expect("a temporary folder");
    link(folder.path(), &["cargo", "rustc"]);
    let outcome = check_with_path(&fixture, folder.path());
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(outcome.err.contains("rustup component add rustfmt"), "{}", outcome.err);
}

#[test]
fn no_clippy() {
    let fixture = Fixture::new("machine");
    let folder = tempfile::tempdir().expect("a temporary folder");
    link(folder.path(), &["cargo", "rustfmt", "sh"]);
    script(folder.path(), "rustc", &format!("echo {}", folder.path().display()));
    let outcome = check_with_path(&fixture, folder.path());
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(outcome.err.contains("rustup component add clippy"), "{}", outcome.err);
}

#[test]
fn no_c_compiler() {
    let fixture = Fixture::new("machine");
    let folder = tempfile::tempdir().expect("a temporary folder");
    link(folder.path(), &["cargo", "rustc", "rustfmt"]);
    script(folder.path(), "dnf", "");
    let outcome = check_with_path(&fixture, folder.path());
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(
        outcome.err.contains("no C compiler") && outcome.err.contains("sudo dnf install gcc"),
        "{}",
        outcome.err
    );
}

#[test]
fn no_crates_and_no_network() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let fixture = Fixture::with_cache("machine", home.path().join("cache"));
    let check = |arguments: &[&str]| {
        let mut command = fixture.formwork(&[&["check", "--steps", "build"], arguments].concat());
        command.env("CARGO_HOME", home.path()).env("HTTPS_PROXY", "http://127.0.0.1:1");
        command.env("CARGO_NET_RETRY", "0").env_remove("CARGO_NET_OFFLINE");
        run(command)
    };
    for (arguments, texts) in [
        (
            &["--offline"][..],
            ["crates are not on this machine", "no matching package named", "cargo fetch --locked"],
        ),
        (&[], ["crates cannot be downloaded", "127.0.0.1", "a proxy"]),
    ] {
        let outcome = check(arguments);
        assert_eq!(outcome.code, Some(3), "{}", outcome.err);
        for text in texts {
            assert!(outcome.err.contains(text), "{text}: {}", outcome.err);
        }
    }
}
