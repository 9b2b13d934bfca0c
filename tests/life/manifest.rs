//! `Cargo.toml` and `Cargo.lock`: merged by structure, repaired by cargo.

use std::fs;

use crate::support::{Templates, assert_locked, git};

fn locked(service: &crate::support::Service, name: &str) -> Vec<String> {
    let lock: toml::Table = service.text("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap().iter();
    let named = packages.filter(|package| package["name"].as_str() == Some(name));
    named.map(|package| package["version"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_crate_that_both_sides_added_is_there_once_in_the_version_that_serves_both() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("Cargo.toml", "semver = \"1\"\n", "semver = \"1\"\nitoa = \"1.0.4\"\n");
    service.commit();
    // Committed without its entry in the lock, as happens.
    let change = templates.set(&service.path, &["queue=broker"]);
    assert!(change.conflicts.is_empty());
    let manifest = service.text("Cargo.toml");
    assert_eq!(manifest.matches("itoa").count(), 1, "{manifest}");
    assert!(manifest.contains("itoa = \"1.0.4\""), "{manifest}");
    assert_eq!(locked(&service, "itoa"), ["1.0.19"]);
    assert_locked(&service.path);
}

#[test]
fn two_versions_that_do_not_go_together_are_a_conflict_and_the_lock_is_ready_for_either() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("Cargo.toml", "semver = \"1\"\n", "semver = \"1\"\nitoa = \"0.4\"\n");
    service.commit();
    let done = templates.try_set(&service.path, &["queue=broker"]).unwrap();
    let change = done.in_conflict(&service.path, &["Cargo.toml"]);
    assert!(change.conflicts[0].why.contains("0.4"), "{:?}", change.conflicts);
    assert_eq!(locked(&service, "itoa"), ["1.0.19"]);
    let manifest = service.text("Cargo.toml");
    let kept: String = manifest
        .lines()
        .filter(|line| !line.starts_with(['<', '=', '>']) && !line.contains("0.4"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(service.path.join("Cargo.toml"), kept).unwrap();
    let mut cargo = std::process::Command::new("cargo");
    cargo.args(["update", "--workspace", "--offline"]).current_dir(&service.path);
    assert!(cargo.status().unwrap().success());
    assert_eq!(locked(&service, "itoa"), ["1.0.19"]);
    service.git(&["add", "--all"]);
    service.git(&["cherry-pick", "--continue"]);
    assert_locked(&service.path);
}

#[test]
fn a_crate_of_the_owner_stays_and_its_lock_with_it() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("Cargo.toml", "semver = \"1\"\n", "fastrand = \"2\"\nsemver = \"1\"\n");
    let mut cargo = std::process::Command::new("cargo");
    assert!(cargo.args(["update", "--workspace"]).current_dir(&service.path).status().unwrap().success());
    let own = locked(&service, "fastrand");
    service.commit();
    templates.set(&service.path, &["queue=broker"]);
    assert_eq!(locked(&service, "fastrand"), own);
    assert_eq!(locked(&service, "itoa"), ["1.0.19"]);
    assert_locked(&service.path);
    templates.set(&service.path, &["queue=table"]);
    assert_eq!(locked(&service, "fastrand"), own);
    assert!(locked(&service, "itoa").is_empty());
    assert_locked(&service.path);
}

#[test]
fn a_member_of_a_workspace_has_its_lock_repaired_at_the_workspaces_root() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    let root = service.path.clone();
    fs::create_dir_all(root.join("services/orders")).unwrap();
    for entry in fs::read_dir(&root).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        if name != ".git" && name != "services" {
            fs::rename(entry.path(), root.join("services/orders").join(name)).unwrap();
        }
    }
    service.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"services/*\"]\n");
    fs::rename(root.join("services/orders/Cargo.lock"), root.join("Cargo.lock")).unwrap();
    service.commit();
    let committed = service.text("Cargo.lock");
    let mine = format!("{committed}# not committed\n");
    service.write("Cargo.lock", &mine);
    let error = templates.try_set(&root.join("services/orders"), &["queue=broker"]).err().unwrap();
    assert!(error.to_string().contains("not as they are committed"), "{error}");
    assert!(error.to_string().contains("Cargo.lock"), "{error}");
    assert_eq!(service.text("Cargo.lock"), mine);
    service.write("Cargo.lock", &committed);
    templates.set(&root.join("services/orders"), &["queue=broker"]);
    let files = git(&root, &["show", "--format=", "--name-only", "HEAD"]);
    assert!(files.lines().any(|file| file == "Cargo.lock"), "{files}");
    assert!(service.text("Cargo.lock").contains("name = \"itoa\""));
    assert_locked(&root);
}
