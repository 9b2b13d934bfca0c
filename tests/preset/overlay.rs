//! Files of a team, added or in place of formwork's.

use crate::team::{Team, team};

fn overlaid() -> Team {
    team()
        .has("ours.toml", "schema = 1\nextends = \"embedded\"\n[overlay]\ndir = \"overlay\"\n")
        .has("overlay/CODEOWNERS", "* @acme/platform {{ as it is }}\n")
        .has("overlay/deny.toml", "# ours\n")
        .has("overlay/.github/workflows/ours.yml.jinja", "name: [[ project.name ]] ${{ github.ref }}\n")
}

#[test]
fn files_are_added_and_replaced_in_the_same_template_language() {
    let team = overlaid();
    team.pour("orders --preset ours.toml --yes").succeeds();
    assert_eq!(team.text("orders/CODEOWNERS"), "* @acme/platform {{ as it is }}\n");
    assert_eq!(team.text("orders/deny.toml"), "# ours\n");
    assert_eq!(team.text("orders/.github/workflows/ours.yml"), "name: orders ${{ github.ref }}\n");
    assert!(team.text("orders/Cargo.toml").contains("name = \"orders\""));
}

#[test]
fn one_overlay_lies_over_another() {
    let team = overlaid()
        .has("pay.toml", "schema = 1\nextends = \"ours.toml\"\n[overlay]\ndir = \"pay\"\n")
        .has("pay/CODEOWNERS.jinja", "* @acme/{{ project.name }}\n");
    team.pour("orders --preset pay.toml --yes").succeeds();
    assert_eq!(team.text("orders/CODEOWNERS"), "* @acme/orders\n");
    assert_eq!(team.text("orders/deny.toml"), "# ours\n");
}

#[test]
fn show_tells_what_is_added_and_what_replaced() {
    let shown = overlaid().show("ours.toml");
    let files = shown["files"].as_array().unwrap();
    let replaces: Vec<_> = files
        .iter()
        .map(|file| (file["path"].as_str().unwrap(), file["replaces"].as_bool().unwrap()))
        .collect();
    assert_eq!(replaces, [(".github/workflows/ours.yml", false), ("CODEOWNERS", false), ("deny.toml", true)]);
}

#[test]
fn a_template_that_does_not_render_is_named_with_its_line() {
    let team = overlaid().has("overlay/NOTES.jinja", "one\ntwo {{ vars.nobody }}\n");
    team.pour("orders --preset ours.toml --yes").fails(2, &["does not render", "overlay/NOTES.jinja:2"]);
    assert_eq!(crate::support::names(team.path()), ["ours.toml", "overlay"], "nothing was written");
}

#[test]
fn the_same_overlay_gives_the_same_bytes_and_the_hash_follows_it() {
    let team = overlaid();
    let first = team.dry("--preset ours.toml --yes");
    assert_eq!(first["tree_hash"], team.dry("--preset ours.toml --yes")["tree_hash"]);
    team.write("overlay/CODEOWNERS", "* @acme/others\n");
    let second = team.dry("--preset ours.toml --yes");
    assert_ne!(first["tree_hash"], second["tree_hash"]);
    assert_ne!(first["preset"]["hash"], second["preset"]["hash"]);
}
