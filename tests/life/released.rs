//! A project as an earlier formwork rendered it, on the templates of today.
//!
//! `tests/fixtures/released.tar.gz` is what the last release made of its defaults: `formwork.toml`, `Cargo.lock` and the render
//! in `.formwork/`; CONTRIBUTING says how it is made anew.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{all_files, assert_locked, commit, edit, formwork, git, temp};

const RELEASED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/released.tar.gz");

#[track_caller]
fn unpack(archive: &Path, folder: &Path) {
    let mut tar = Command::new("tar");
    assert!(tar.arg("-xzf").arg(archive).arg("-C").arg(folder).status().unwrap().success());
}

/// `orders` in the folder, with its one commit.
pub(crate) fn pour(folder: &Path) -> PathBuf {
    unpack(Path::new(RELEASED), folder);
    let project = folder.join("orders");
    unpack(&project.join(".formwork/base.tar.gz"), &project);
    git(&project, &["init", "--quiet", "--initial-branch=main"]);
    commit(&project);
    project
}

fn migrations(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    all_files(folder).into_iter().filter(|(path, _)| path.starts_with("migrations/")).collect()
}

fn field(project: &Path, table: &str, key: &str) -> String {
    let record: toml::Table = fs::read_to_string(project.join("formwork.toml")).unwrap().parse().unwrap();
    record[table][key].as_str().unwrap().to_owned()
}

#[test]
fn a_project_of_the_last_release_is_updated_and_its_migrations_are_only_added_to() {
    let folder = temp();
    let project = pour(folder.path());
    let (before, released) = (migrations(&project), field(&project, "formwork", "version"));
    assert!(before.len() > 5, "{:?}", before.keys());
    edit(&project, "src/app/mod.rs", "pub mod access;", "// Who may do what.\npub mod access;");
    commit(&project);

    let said = formwork(&project, "update --yes --no-check --json").expect(0, &[]);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json["conflicts"], serde_json::json!([]), "{said}");
    let after = migrations(&project);
    for (path, bytes) in &before {
        assert!(after.get(path) == Some(bytes), "{path} has changed");
    }
    edit(&project, "src/app/mod.rs", "// Who may do what.\npub mod access;", "pub mod access;");

    let answers: toml::Table = fs::read_to_string(project.join("formwork.toml")).unwrap().parse().unwrap();
    let answers = answers["answers"].as_table().unwrap().iter();
    let flags: Vec<_> =
        answers.map(|(slot, option)| format!("--set {slot}={}", option.as_str().unwrap())).collect();
    formwork(folder.path(), &format!("new fresh --name orders --no-check {}", flags.join(" ")))
        .expect(0, &[]);
    let fresh = folder.path().join("fresh");
    let others = |folder: &Path| {
        let mut files = all_files(folder);
        files.retain(|path, _| !path.starts_with("migrations/"));
        files
    };
    let (updated, new) = (others(&project), others(&fresh));
    for path in updated.keys().chain(new.keys()) {
        assert!(updated.get(path) == new.get(path), "{path} differs");
    }
    assert_locked(&project);

    // Until it is out, a migration may still change; after that, somebody's database has seen it.
    if released != env!("CARGO_PKG_VERSION") {
        let now = migrations(&fresh);
        for (path, bytes) in &before {
            assert!(
                now.get(path) == Some(bytes),
                "{path} is released: add a migration instead of changing it"
            );
        }
    }
}
