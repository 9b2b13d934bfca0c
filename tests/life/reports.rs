//! `formwork diff` and `formwork drift`.

use std::{fs, path::PathBuf};

use crate::support::{all_files, commit, edit, formwork, git, temp, write};

fn project() -> (tempfile::TempDir, PathBuf) {
    let folder = temp();
    formwork(folder.path(), "new orders --yes --no-check").expect(0, &[]);
    let project = folder.path().join("orders");
    (folder, project)
}

#[test]
fn diff_shows_what_the_owner_did_and_nothing_else() {
    let (_folder, project) = project();
    assert_eq!(formwork(&project, "diff").expect(0, &[]), "");
    edit(&project, "README.md", "# orders", "# Orders");
    git(&project, &["mv", "rustfmt.toml", ".rustfmt.toml"]);
    commit(&project);
    write(&project, "src/mine.rs", "// not committed\n");
    write(&project, "target/debug/x", "ignored");
    fs::remove_file(project.join("deny.toml")).unwrap();
    let before = (all_files(&project), git(&project, &["count-objects", "-v"]));
    let text = formwork(&project, "diff").expect(0, &["-# orders", "+# Orders", "+// not committed"]);
    assert!(!text.contains("target/") && !text.contains("Cargo.lock"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&formwork(&project, "diff --json").expect(0, &[])).unwrap();
    let files = json["files"].as_array().unwrap().iter();
    let files: Vec<_> =
        files.map(|file| (file["path"].as_str().unwrap(), file["kind"].as_str().unwrap())).collect();
    assert_eq!(
        files,
        [
            (".rustfmt.toml", "moved"),
            ("README.md", "changed"),
            ("deny.toml", "removed"),
            ("src/mine.rs", "added")
        ]
    );
    formwork(&project, "diff --stat").expect(0, &["README.md", "4 files changed"]);
    assert_eq!((all_files(&project), git(&project, &["count-objects", "-v"])), before);
}

#[test]
fn drift_is_found_where_a_claim_vanished_or_an_answer_does_not_hold() {
    let (_folder, project) = project();
    formwork(&project, "drift").expect(0, &["is what it was made to be", "up to date"]);
    let document = fs::read_to_string(project.join("docs/openapi.json")).unwrap();
    write(&project, "docs/openapi.json", &document.replace("\"P3\"", "\"P1\""));
    let said = formwork(&project, "drift --json").expect(1, &[]);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json["conforms"], false);
    assert_eq!(json["claims"]["vanished"], serde_json::json!(["P3"]));
    assert_eq!(json["behind"]["files"], 0);
    formwork(&project, "drift").expect(1, &["has drifted", "P3", "docs/openapi.json"]);
    fs::remove_file(project.join("docs/openapi.json")).unwrap();
    formwork(&project, "drift").expect(1, &["cannot be read"]);
    write(&project, "docs/openapi.json", &document);
    edit(&project, "formwork.toml", "cache = \"memory\"", "cache = \"telepathy\"");
    formwork(&project, "drift").expect(1, &["no option `telepathy`", "formwork.toml:"]);
}
