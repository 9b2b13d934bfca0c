//! A team's preset with a part of its own, which brings a crate of its own: locked, rendered, compiled, tested, proven.

use std::{fs, path::Path};

use crate::{Home, assert_steps_are_green, steps, told};

const PRESET: &str = "\
schema = 1
extends = \"embedded\"

[answers]
cache = \"none\"
llm = \"none\"
uses = \"none\"
vector = \"none\"
answer_cache = \"none\"

[lock]
llm = \"Acme asks no models\"

[parts]
dir = \"parts\"
";

const PART: &str = "\
title = \"Acme\"
summary = \"What every service of Acme has.\"
tradeoff = \"Decided by the platform team.\"

[dependencies]
acme-client = {}

[[env]]
name = \"APP__ACME__URL\"
type = \"text\"
default = \"https://acme.example.org\"
doc = \"Where Acme's directory is.\"
";

const CONFIG: &str = "\
//! Where Acme is.

use super::Environment;

#[derive(Clone, Debug)]
pub struct Settings {
    pub url: String,
}

impl Settings {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            url: environment.text(\"APP__ACME__URL\", \"https://acme.example.org\"),
        }
    }
}
";

const SOURCE: &str = "\
//! What every service of Acme has.

use crate::config::Config;

/// Where a team is listed.
pub fn listing(config: &Config, team: &str) -> String {
    acme_client::listing(&config.acme.url, team)
}
";

const TEST: &str = "\
//! What Acme promises.

use temp_dir::TempDir;

use crate::support::configuration;

#[test]
fn a_team_is_listed_in_the_directory() {
    let folder = TempDir::new().expect(\"a folder\");
    let config = configuration(folder.path(), &[]);
    let listing = service::acme::listing(&config, \"pay\");
    assert_eq!(listing, \"https://acme.example.org/teams/pay\");
}
";

const CLIENT: &str = "\
//! Acme's own crate.

/// The address of a team in the directory.
pub fn listing(directory: &str, team: &str) -> String {
    format!(\"{directory}/teams/{team}\")
}
";

pub(super) fn assert_its_preset_holds(home: &Home) {
    let team = home.path.join("team");
    let client = team.join("client");
    write(
        &client,
        "Cargo.toml",
        "[package]\nname = \"acme-client\"\nversion = \"1.2.0\"\nedition = \"2024\"\n\n[workspace]\n",
    );
    write(&client, "src/lib.rs", CLIENT);
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "--all"],
        &[
            "-c",
            "user.name=acme",
            "-c",
            "user.email=acme@example.org",
            "commit",
            "--quiet",
            "--message",
            "one",
        ],
        &["tag", "v1.2.0"],
    ] {
        let output = home.command("git").args(arguments).current_dir(&client).output().expect("git starts");
        assert!(output.status.success(), "{}", told(&output));
    }
    let source = format!("git = \"file://{}\", tag = \"v1.2.0\"", client.display());
    write(
        &team,
        "parts/Cargo.toml",
        &format!("[dependencies]\nacme-client = {{ version = \"1\", {source} }}\n"),
    );
    write(&team, "parts/acme/part.toml", PART);
    write(&team, "parts/acme/files/src/acme.rs", SOURCE);
    write(&team, "parts/acme/files/src/config/acme.rs", CONFIG);
    write(&team, "parts/acme/files/tests/it/acme.rs", TEST);
    write(&team, "service.toml", PRESET);

    let preset = team.join("service.toml");
    let output = home.command(env!("CARGO_BIN_EXE_formwork")).args(["preset", "lock"]).arg(&preset).output();
    let output = output.expect("formwork starts");
    assert!(output.status.success(), "{}", told(&output));
    let junit = team.join("report.xml");
    let report =
        home.formwork(&["preset", "check", "--json", "--junit", junit.to_str().expect("text")], &preset);
    let checked = report["checked"].as_array().expect("projects");
    assert_eq!((checked.len(), &report["passed"]), (1, &true.into()), "{report:#}");
    let check = &checked[0]["report"];
    assert_steps_are_green(check);
    let tests = steps(check).iter().find(|step| step["step"] == "test").expect("tests").to_string();
    assert!(tests.contains("acme::a_team_is_listed_in_the_directory"), "{tests}");
    let report = fs::read_to_string(junit).expect("a report");
    assert!(
        report.contains("<testsuites")
            && report.contains("name=\"probe\"")
            && report.contains("failures=\"0\""),
        "{report}"
    );
}

fn write(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(file, text).expect("a writable file");
}
