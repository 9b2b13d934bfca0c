//! The same answers give the same bytes, wherever and whenever.

use std::fs;

use crate::support::{files, new, temp};

fn hash_of(stdout: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(stdout).unwrap();
    json["tree_hash"].as_str().unwrap().to_owned()
}

#[test]
fn folders_locales_homes_and_time_zones_change_nothing() {
    let (here, there) = (temp(), temp());
    let first = new("orders --yes --no-git --json").within(here.path()).succeeds();
    let far = there.path().join("a folder/deeper");
    fs::create_dir_all(&far).unwrap();
    let second = new("--yes --json --no-git --name orders")
        .arg(far.join("another name"))
        .within(there.path())
        .env("HOME", there.path())
        .env("LANG", "tr_TR.UTF-8")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("TZ", "Asia/Kathmandu")
        .env("USER", "somebody")
        .env("HOSTNAME", "elsewhere")
        .succeeds();
    assert_eq!(hash_of(&first), hash_of(&second));
    let (first, second) = (files(&here.path().join("orders")), files(&far.join("another name")));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (path, bytes) in &first {
        assert!(bytes == &second[path], "{path} differs");
    }
}

#[test]
fn the_recorded_hash_is_the_printed_one_and_follows_the_answers() {
    let folder = temp();
    let hash = hash_of(&new("orders --yes --json").within(folder.path()).succeeds());
    let state = fs::read_to_string(folder.path().join("orders/formwork.toml")).unwrap();
    assert!(state.contains(&format!("tree = \"{hash}\"")), "{state}");
    let dry = hash_of(&new("elsewhere/orders --yes --json --dry-run").within(folder.path()).succeeds());
    assert_eq!(dry, hash);
    let other = hash_of(&new("others --yes --json --dry-run").within(folder.path()).succeeds());
    assert_ne!(other, hash);
}

#[test]
fn names_of_one_and_of_sixty_letters_are_formatted() {
    let folder = temp();
    for name in ["q".to_owned(), "n".repeat(60)] {
        new(&format!("{name} --yes --no-git")).within(folder.path()).succeeds();
        let outcome = crate::support::cargo(&folder.path().join(&name), &["fmt", "--check"]);
        assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    }
}
