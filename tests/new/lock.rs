//! The rendered Cargo.lock against the real cargo: it changes nothing, and `--locked` holds.

use std::{fs, path::Path, sync::OnceLock};

use formwork::{
    answers::Choices,
    catalog::Catalog,
    render::{LOCK, Render},
};

use crate::{
    combinations::{all, render_as},
    support::{cargo, temp},
};

/// Each costs cargo half a second.
const MOST_COMBINATIONS: usize = 64;

#[test]
fn cargo_leaves_the_lock_of_every_combination_as_it_is() {
    let catalog = Catalog::embedded().unwrap();
    let all = all(&catalog);
    let step = all.len().div_ceil(MOST_COMBINATIONS);
    for choices in all.iter().step_by(step).chain(&each_option_alone(&catalog)) {
        prove(&render_as(&catalog, choices, "orders"), &format!("{choices:?}"));
    }
}

#[test]
fn cargo_leaves_the_lock_of_every_name_as_it_is() {
    let catalog = Catalog::embedded().unwrap();
    let recommended = Choices::default().completed(&catalog).unwrap();
    let longest = "n".repeat(60);
    // A crate of the lock, one before all of them, one after, one that differs in case.
    for name in ["bytes", "a", "zeta", "Zed", "my_app", &longest] {
        prove(&render_as(&catalog, &recommended, name), name);
    }
}

/// With few slots they are among all combinations already; with many, no option goes untried.
fn each_option_alone(catalog: &Catalog) -> Vec<Choices> {
    if all(catalog).len() <= MOST_COMBINATIONS {
        return Vec::new();
    }
    let options = catalog.slots().iter().flat_map(|slot| &slot.options);
    let alone = options.filter_map(|part| {
        let mut choices = Choices::default();
        choices.set(catalog, &part.slot, &part.name).unwrap();
        choices.completed(catalog)
    });
    alone.collect()
}

fn prove(render: &Render, what: &str) {
    fill_the_registry_cache();
    let folder = temp();
    let before = &render.tree.get(LOCK).unwrap().bytes;
    fs::write(folder.path().join("Cargo.toml"), &render.tree.get("Cargo.toml").unwrap().bytes).unwrap();
    fs::write(folder.path().join(LOCK), before).unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    for file in ["src/lib.rs", "src/main.rs"] {
        fs::write(folder.path().join(file), "").unwrap();
    }
    let update = cargo(folder.path(), &["update", "--workspace", "--offline"]);
    assert_eq!(update.code, Some(0), "{what}: {}", update.stderr);
    let after = fs::read(folder.path().join(LOCK)).unwrap();
    assert!(after == **before, "cargo changes the lock of {what}:\n{}", update.stderr);
    let metadata = cargo(folder.path(), &["metadata", "--locked", "--offline", "--format-version", "1"]);
    assert_eq!(metadata.code, Some(0), "{what}: {}", metadata.stderr);
}

/// `--offline` needs the registry's entries; they come over the network once a machine.
fn fill_the_registry_cache() {
    static FILLED: OnceLock<()> = OnceLock::new();
    FILLED.get_or_init(|| {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("dependencies");
        let fetch = cargo(&manifest, &["fetch", "--locked"]);
        assert_eq!(fetch.code, Some(0), "{}", fetch.stderr);
    });
}
