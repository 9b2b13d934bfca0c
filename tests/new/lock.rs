//! The rendered Cargo.lock against the real cargo: it changes nothing, and `--locked` holds.

use std::{fs, path::Path, sync::OnceLock};

use formwork::{answers::Choices, catalog::Catalog, render::LOCK};

use crate::{
    combinations::{every, render_as},
    support::{cargo, temp},
};

#[test]
fn cargo_leaves_the_lock_of_every_combination_as_it_is() {
    for ([manifest, lock], choices) in &every().locked {
        prove(manifest, lock, &format!("{choices:?}"));
    }
}

#[test]
fn cargo_leaves_the_lock_of_every_name_as_it_is() {
    let catalog = Catalog::embedded().unwrap();
    let recommended = Choices::default().completed(&catalog).unwrap();
    let longest = "n".repeat(60);
    // A crate of the lock, one before all of them, one after, one that differs in case.
    for name in ["bytes", "a", "zeta", "Zed", "my_app", &longest] {
        let render = render_as(&catalog, &recommended, name);
        let bytes = |path: &str| &render.tree.get(path).unwrap().bytes;
        prove(bytes("Cargo.toml"), bytes(LOCK), name);
    }
}

fn prove(manifest: &[u8], lock: &[u8], what: &str) {
    fill_the_registry_cache();
    let folder = temp();
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.path().join(LOCK), lock).unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    for file in ["src/lib.rs", "src/main.rs"] {
        fs::write(folder.path().join(file), "").unwrap();
    }
    let update = cargo(folder.path(), &["update", "--workspace", "--offline"]);
    assert_eq!(update.code, Some(0), "{what}: {}", update.stderr);
    let after = fs::read(folder.path().join(LOCK)).unwrap();
    assert!(after == lock, "cargo changes the lock of {what}:\n{}", update.stderr);
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
