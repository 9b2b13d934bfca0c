//! Parts of a team, with a crate of its own.

use std::{fs, path::Path};

use crate::{
    support::{cargo, git},
    team::{Team, team},
};

const PART: &str = "\
title = \"Acme\"
summary = \"What every service of Acme has.\"
tradeoff = \"Decided.\"

[dependencies]
acme-client = {}
uuid = {}

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

/// A crate in a repository, as a team keeps it, and the preset that brings it.
fn acme() -> Team {
    let team = team()
        .has(
            "client/Cargo.toml",
            "[package]\nname = \"acme-client\"\nversion = \"1.2.0\"\nedition = \"2021\"\n\n[workspace]\n",
        )
        .has("client/src/lib.rs", "//! Acme.\n")
        .has("ours.toml", "schema = 1\nextends = \"embedded\"\n[parts]\ndir = \"parts\"\n")
        .has("parts/acme/part.toml", PART)
        .has("parts/acme/files/src/acme.rs", "//! Acme's.\n")
        .has("parts/acme/files/src/config/acme.rs", CONFIG)
        .has("parts/acme/files/tests/it/acme.rs", "//! Acme's tests.\n");
    let client = team.path().join("client");
    git(&client, &["init", "--quiet", "--initial-branch=main"]);
    git(&client, &["add", "--all"]);
    git(&client, &["commit", "--quiet", "--message", "one"]);
    git(&client, &["tag", "v1.2.0"]);
    let line = format!(
        "acme-client = {{ version = \"1\", git = \"file://{}\", tag = \"v1.2.0\" }}",
        client.display()
    );
    team.has("parts/Cargo.toml", &format!("[dependencies]\n{line}\n"))
}

#[test]
fn a_crate_of_its_own_is_locked_once_and_rendered_from_the_lock() {
    let team = acme();
    team.pour("orders --yes --preset ours.toml").fails(2, &["acme/part.toml", "formwork preset lock"]);
    let said = team.preset("lock ours.toml").succeeds();
    assert!(said.contains("wrote ours.lock.toml") && said.contains("acme-client 1.2.0"), "{said}");
    team.preset("lock ours.toml --check").succeeds();
    // The repository may be out of reach: rendering needs no more than the lock.
    fs::rename(team.path().join("client"), team.path().join("gone")).unwrap();
    team.pour("orders --yes --preset ours.toml").succeeds();
    fs::rename(team.path().join("gone"), team.path().join("client")).unwrap();
    let manifest = team.text("orders/Cargo.toml");
    assert!(manifest.contains("acme-client = { version = \"1\", git = \"file://"), "{manifest}");
    assert!(team.text("orders/src/lib.rs").ends_with("// What your team's preset adds.\npub mod acme;\n"));
    assert!(team.text("orders/tests/it/main.rs").ends_with("// What your team's preset adds.\nmod acme;\n"));
    let config = team.text("orders/src/config/mod.rs");
    for line in ["pub mod acme;", "pub acme: acme::Settings,", "acme: acme::Settings::read(environment),"] {
        assert!(config.contains(line), "{line:?} is not in:\n{config}");
    }
    assert!(team.text("orders/docs/configuration.md").contains("`APP__ACME__URL`"));
    let project = team.path().join("orders");
    let fmt = cargo(&project, &["fmt", "--check"]);
    assert_eq!(fmt.code, Some(0), "{}{}", fmt.stdout, fmt.stderr);
    expect_exact_lock(&project);
}

/// Cargo finds nothing to change in it.
fn expect_exact_lock(project: &Path) {
    let fetch = cargo(&Path::new(env!("CARGO_MANIFEST_DIR")).join("dependencies"), &["fetch", "--locked"]);
    assert_eq!(fetch.code, Some(0), "{}", fetch.stderr);
    let metadata = cargo(project, &["metadata", "--locked", "--format-version", "1"]);
    assert_eq!(metadata.code, Some(0), "{}", metadata.stderr);
    let before = fs::read_to_string(project.join("Cargo.lock")).unwrap();
    let update = cargo(project, &["update", "--workspace", "--offline"]);
    assert_eq!(update.code, Some(0), "{}", update.stderr);
    assert_eq!(fs::read_to_string(project.join("Cargo.lock")).unwrap(), before);
}

#[test]
fn a_lock_keeps_its_versions_until_it_is_told_to_update() {
    let team = acme();
    team.preset("lock ours.toml").succeeds();
    let first = team.text("ours.lock.toml");
    team.preset("lock ours.toml").succeeds();
    assert_eq!(team.text("ours.lock.toml"), first);
    team.write("parts/acme/part.toml", &PART.replace("uuid = {}\n", ""));
    team.write("parts/Cargo.toml", "[dependencies]\nuuid = \"1\"\n");
    team.preset("lock ours.toml").fails(2, &["parts/Cargo.toml", "formwork has `uuid`", "uuid = {}"]);
    team.write("parts/Cargo.toml", "[dependencies]\n");
    team.preset("lock ours.toml").fails(2, &["acme/part.toml", "which version of `acme-client`"]);
    team.write("parts/acme/part.toml", "title = \"A\"\nsummary = \"S\"\ntradeoff = \"T\"\n");
    team.preset("lock ours.toml --check")
        .fails(1, &["not what the preset needs", "formwork preset lock ours.toml"]);
    let said = team.preset("lock ours.toml").succeeds();
    assert!(said.contains("needs no lock") && !team.path().join("ours.lock.toml").exists(), "{said}");
}

#[test]
fn an_option_of_a_teams_own_is_offered_and_can_be_locked() {
    let part =
        "title = \"Nowhere\"\nsummary = \"Forgets all.\"\ntradeoff = \"Fast.\"\n[[files]]\ndir = \"files\"\n";
    let team = team()
        .has(
            "ours.toml",
            "schema = 1\nextends = \"embedded\"\n[answers]\ncache = \"nowhere\"\n[lock]\ncache = \"we forget\"\n\
             [parts]\ndir = \"parts\"\n",
        )
        .has("parts/cache/nowhere/part.toml", part)
        .has("parts/cache/nowhere/files/src/data/cache.rs", "//! Nothing.\n");
    assert_eq!(team.dry("--preset ours.toml --yes")["answers"]["cache"], "nowhere");
    team.pour("orders --yes --preset ours.toml --set cache=memory")
        .fails(2, &["`cache` is locked to `nowhere`: we forget"]);
}

/// Everything about it follows from the one recipe, as with a part of formwork's.
#[test]
fn a_part_may_need_a_server() {
    let recipe = include_str!("../fixtures/servers/redis.toml").replace("[[server]]", "[server]");
    let variable = |name: &str| format!("\n[[env]]\nname = \"{name}\"\ntype = \"text\"\ndoc = \"x\"\n");
    let part = format!(
        "title = \"Store\"\nsummary = \"S\"\ntradeoff = \"T\"\n{}{}\n{recipe}",
        variable("APP__CACHE__URL"),
        variable("APP__CACHE__PREFIX")
    );
    let team = team()
        .has("ours.toml", "schema = 1\nextends = \"embedded\"\n[parts]\ndir = \"parts\"\n")
        .has("parts/store/part.toml", &part);
    team.pour("orders --yes --preset ours.toml").succeeds();
    let state: toml::Table = team.text("orders/formwork.toml").parse().unwrap();
    assert_eq!(state["preset"]["from"].as_str(), Some("../ours.toml"));
    assert_eq!(state["server"][0]["name"].as_str(), Some("redis"));
    assert!(team.text("orders/compose.yaml").contains("  redis:\n    image: redis:8.2-alpine\n"));
    assert!(team.text("orders/tests/it/support/servers/recipes.rs").contains("pub(crate) static REDIS"));
}
