//! The CI workflow that the docs have for a repository of presets: what it runs, run here. `around` has its form read by
//! the tools that know workflows.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use crate::{
    support::Outcome,
    team::{Team, team},
};

/// The script of the step that checks.
fn script() -> String {
    let page = include_str!("../../docs/presets.md");
    let (_, rest) = page.split_once("        run: |\n").unwrap();
    let lines = rest.lines().take_while(|line| line.starts_with("          "));
    lines.map(|line| format!("{}\n", &line[10..])).collect()
}

/// Runs it as a runner does. Projects are rendered and not built: that takes minutes, and `generated` does it once.
fn run(team: &Team) -> Outcome {
    let tools = team.path().join("tools");
    let shim = format!(
        "#!/bin/sh\n[ \"$1 $2\" = 'preset check' ] && set -- \"$@\" --render\nexec '{}' \"$@\"\n",
        env!("CARGO_BIN_EXE_formwork")
    );
    fs::create_dir_all(&tools).unwrap();
    fs::write(tools.join("formwork"), shim).unwrap();
    fs::set_permissions(tools.join("formwork"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = env::join_paths(
        [tools.as_path()]
            .into_iter()
            .map(Path::to_owned)
            .chain(env::split_paths(&env::var_os("PATH").unwrap())),
    );
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-e", "-c", &script()]);
    Outcome::of(
        bash.current_dir(team.path()).env("PATH", path.unwrap()).env("NO_COLOR", "1").output().unwrap(),
    )
}

const PART: &str =
    "title = \"Acme\"\nsummary = \"S\"\ntradeoff = \"T\"\n\n[dependencies]\nacme-client = {}\n";

#[test]
fn it_checks_every_preset_and_writes_a_report_of_each() {
    let team = team()
        .has(
            "presets/service.toml",
            "schema = 1\nextends = \"embedded\"\n[allow]\ncache = [\"none\", \"memory\"]\n",
        )
        .has("presets/lean.toml", "schema = 1\nextends = \"service.toml\"\n[answers]\ncache = \"none\"\n");
    let outcome = run(&team);
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    for (preset, cases) in [("lean", 1), ("service", 2)] {
        let report = team.text(&format!("report-{preset}.xml"));
        assert!(report.contains(&format!("tests=\"{cases}\" failures=\"0\"")), "{report}");
    }
}

#[test]
fn it_is_red_where_a_lock_is_stale_and_where_a_preset_does_not_hold() {
    let team = team()
        .has("presets/service.toml", "schema = 1\nextends = \"embedded\"\n[parts]\ndir = \"parts\"\n")
        .has("presets/parts/acme/part.toml", PART);
    let outcome = run(&team);
    assert_ne!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("acme-client"), "{}", outcome.stderr);
    let team = crate::team::team()
        .has("presets/service.toml", "schema = 1\nextends = \"embedded\"\n[overlay]\ndir = \"overlay\"\n")
        .has("presets/overlay/OWNERS.jinja", "{{ vars.nobody }}\n");
    let outcome = run(&team);
    assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
    assert!(team.text("report-service.xml").contains("OWNERS.jinja:1"), "{}", outcome.stdout);
}
