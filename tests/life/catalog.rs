//! The real catalog: an untouched project becomes what `new` would have made.

use std::{collections::BTreeMap, path::Path};

use crate::support::{all_files, assert_locked, formwork, git, temp};

/// Without migrations where the database stays: then none of them ever goes.
fn comparable(folder: &Path, pair: &str) -> BTreeMap<String, String> {
    let files = all_files(folder).into_iter();
    let is_compared = |path: &str| pair.starts_with("storage=") || !path.starts_with("migrations/");
    let files = files.filter(|(path, _)| is_compared(path));
    files.map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned())).collect()
}

#[test]
fn an_untouched_project_becomes_what_new_makes_of_the_same_answers() {
    for pair in ["cache=none", "concurrency=threads", "uses=none", "llm=none", "storage=postgres"] {
        let folder = temp();
        formwork(folder.path(), "new orders --yes --no-check").expect(0, &[]);
        let project = folder.path().join("orders");
        formwork(&project, &format!("set {pair} --no-check --yes")).expect(0, &["committed as"]);
        let answers: toml::Table =
            std::fs::read_to_string(project.join("formwork.toml")).unwrap().parse().unwrap();
        let answers = answers["answers"].as_table().unwrap().iter();
        let flags: Vec<_> =
            answers.map(|(slot, option)| format!("--set {slot}={}", option.as_str().unwrap())).collect();
        let fresh = folder.path().join("fresh");
        let new = format!("new fresh --name orders --no-check {}", flags.join(" "));
        formwork(folder.path(), &new).expect(0, &[]);
        let (set, new) = (comparable(&project, pair), comparable(&fresh, pair));
        for path in set.keys().chain(new.keys()) {
            assert!(set.get(path) == new.get(path), "{pair}: {path} differs");
        }
        assert_eq!(git(&project, &["status", "--porcelain"]), "");
        assert_locked(&project);
    }
}

#[test]
fn a_dry_run_writes_nothing_and_json_has_all_of_it() {
    let folder = temp();
    formwork(folder.path(), "new orders --yes --no-check").expect(0, &[]);
    let project = folder.path().join("orders");
    let objects = |folder: &Path| git(folder, &["count-objects", "-v"]);
    let before = (all_files(&project), objects(&project));
    formwork(&project, "set cache=none --dry-run").expect(0, &["would change orders", "+cache = \"none\""]);
    let said = formwork(&project, "set cache=none --dry-run --json").expect(0, &[]);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((json["schema"].as_i64(), json["dry_run"].as_bool()), (Some(1), Some(true)));
    assert_eq!(json["answers"]["cache"], "none");
    assert!(json["files"].as_array().unwrap().len() > 2 && json["commit"].is_null());
    assert_eq!((all_files(&project), objects(&project)), before);
    let said = formwork(&project, "set cache=none --json --no-check").expect(0, &[]);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json["commit"], git(&project, &["rev-parse", "HEAD"]).as_str());
    formwork(&project, "update --no-check").expect(0, &["nothing to change"]);
    formwork(&project, "set cache=none --no-check").expect(0, &["nothing to change"]);
}

#[test]
fn conflicts_end_with_one_and_the_next_commands_and_a_rollback_leaves_nothing() {
    let folder = temp();
    formwork(folder.path(), "new orders --yes --no-check").expect(0, &[]);
    let project = folder.path().join("orders");
    let cache = "src/data/cache.rs";
    crate::support::write(&project, cache, "//! Ours.\n");
    crate::support::commit(&project);
    let before = all_files(&project);
    let said = formwork(&project, "set cache=none --rollback-on-red --no-check");
    said.expect(1, &["would have conflicts", cache, "nothing was changed"]);
    assert_eq!(all_files(&project), before);
    let said = formwork(&project, "set cache=none --no-check");
    said.expect(1, &["have conflicts", cache, "git cherry-pick --continue", "git cherry-pick --abort"]);
    assert_eq!(git(&project, &["diff", "--name-only", "--diff-filter=U"]), cache);
    formwork(&project, "update --no-check").expect(2, &["under way", "git cherry-pick --abort"]);
}
