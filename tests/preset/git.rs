//! Presets in a repository, fetched by the user's git.

use std::{fs, path::Path};

use crate::{
    support::git,
    team::{Team, team},
};

/// A repository with two releases of a preset.
fn published() -> Team {
    let team = team()
        .has("presets/service.toml", "schema = 1\nextends = \"../base.toml\"\n[overlay]\ndir = \"overlay\"\n")
        .has("presets/overlay/run.sh", "#!/bin/sh\n")
        .has("base.toml", "schema = 1\nextends = \"embedded\"\n[answers]\ncache = \"none\"\n");
    run_git(&team, &["init", "--quiet", "--initial-branch=main"]);
    commit(&team, "one");
    run_git(&team, &["tag", "v1"]);
    team.write("base.toml", "schema = 1\nextends = \"embedded\"\n[answers]\ncache = \"memory\"\n");
    commit(&team, "two");
    team
}

fn run_git(team: &Team, arguments: &[&str]) -> String {
    git(team.path(), arguments)
}

fn commit(team: &Team, message: &str) {
    run_git(team, &["add", "--all"]);
    run_git(team, &["commit", "--quiet", "--message", message]);
}

fn spec(team: &Team, rest: &str) -> String {
    format!("--preset git+file://{}#{rest}", team.path().display())
}

#[test]
fn a_reference_is_followed_and_recorded_as_a_commit() {
    let (published, here) = (published(), team());
    let cache = |rest: &str| {
        let json = here.dry(&format!("{} --yes", spec(&published, rest)));
        json["answers"]["cache"].as_str().unwrap().to_owned()
    };
    assert_eq!(cache("main:presets/service.toml"), "memory");
    assert_eq!(cache(":presets/service.toml"), "memory");
    assert_eq!(cache("v1:presets/service.toml"), "none");
    let first = run_git(&published, &["rev-parse", "v1"]);
    assert_eq!(cache(&format!("{first}:presets/service.toml")), "none", "a commit that no branch ends at");
    here.pour(&format!("orders --yes {}", spec(&published, "v1:presets/service.toml"))).succeeds();
    let state: toml::Table = here.text("orders/formwork.toml").parse().unwrap();
    let pin = &state["preset"]["git"][0];
    assert_eq!((pin["reference"].as_str(), pin["commit"].as_str()), (Some("v1"), Some(first.as_str())));
    assert_eq!(here.text("orders/run.sh"), "#!/bin/sh\n");
}

#[test]
fn the_recorded_commit_is_taken_again_when_the_branch_has_moved() {
    use formwork::{
        answers::{Pin, Pinned},
        catalog::Catalog,
        preset::Preset,
    };

    let published = published();
    let url = format!("file://{}", published.path().display());
    let commit = run_git(&published, &["rev-parse", "v1"]);
    let pinned = Pinned {
        from: format!("git+{url}#main:presets/service.toml"),
        hash: String::new(),
        git: vec![Pin { url, reference: "main".into(), commit }],
    };
    let preset = Preset::load_pinned(&pinned, Path::new("/"), &Catalog::embedded().unwrap()).unwrap();
    assert_eq!(preset.choices.get("cache"), Some("none"));
    assert_eq!(preset.pinned.git, pinned.git);
}

#[test]
fn errors_name_the_repository_the_reference_and_the_line() {
    let (published, here) = (published(), team());
    for (rest, texts) in [
        ("main:presets/none.toml", ["cannot read the preset", "#main:presets/none.toml"]),
        ("nobody:presets/service.toml", ["git cannot fetch nobody", "never asks for a password"]),
    ] {
        let code = if rest.starts_with("main") { 2 } else { 1 };
        here.pour(&format!("orders --yes {}", spec(&published, rest))).fails(code, &texts);
    }
    published.write("base.toml", "schema = 1\n[answers]\ncahce = \"none\"\n");
    commit(&published, "wrong");
    here.pour(&format!("orders --yes {}", spec(&published, "main:presets/service.toml")))
        .fails(2, &["#main:base.toml:3", "did you mean `cache`?"]);
}

#[cfg(unix)]
#[test]
fn links_submodules_and_ways_out_of_the_repository_are_refused() {
    let (published, here) = (published(), team());
    let refused = |texts: &[&str]| {
        commit(&published, "hostile");
        here.pour(&format!("orders --yes {}", spec(&published, "main:presets/service.toml"))).fails(2, texts);
    };
    std::os::unix::fs::symlink("/etc/passwd", published.path().join("presets/overlay/passwd")).unwrap();
    refused(&["this is a link", "overlay/passwd"]);
    fs::remove_file(published.path().join("presets/overlay/passwd")).unwrap();
    published.write("presets/service.toml", "schema = 1\nextends = \"../../base.toml\"\n");
    refused(&["leads out of the repository", "presets/service.toml:2"]);
    published.write("presets/service.toml", "schema = 1\nextends = \"/etc/passwd.toml\"\n");
    refused(&["leads out of the repository"]);
}

#[cfg(unix)]
#[test]
fn nothing_asks_and_no_hook_runs() {
    use std::os::unix::fs::PermissionsExt as _;

    let (published, here) = (published(), team());
    // A stand-in for ssh and for git's prompt tells how it was called.
    let teller = here.path().join("teller");
    fs::write(&teller, "#!/bin/sh\necho \"called: $*; prompt $GIT_TERMINAL_PROMPT\" >&2\nexit 1\n").unwrap();
    fs::set_permissions(&teller, fs::Permissions::from_mode(0o755)).unwrap();
    here.pour("orders --yes --preset git+ssh://git@example.invalid/p#main:a.toml")
        .env("GIT_SSH_COMMAND", &teller)
        .fails(1, &["BatchMode=yes", "prompt 0"]);
    let hooks = here.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    for hook in ["post-checkout", "reference-transaction", "post-merge"] {
        fs::copy(&teller, hooks.join(hook)).unwrap();
        fs::set_permissions(hooks.join(hook), fs::Permissions::from_mode(0o755)).unwrap();
    }
    here.pour(&format!("orders --yes {}", spec(&published, "main:presets/service.toml")))
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "core.hooksPath")
        .env("GIT_CONFIG_VALUE_0", &hooks)
        .succeeds();
}
