//! Migrations are only ever added: what a database may have seen stays as it is, also where an option goes. Another
//! database has seen none.

use std::collections::BTreeSet;

use super::{
    repository::{Item, Items},
    swaps::Swap,
};
use crate::catalog::{MIGRATIONS, is_migration};

/// Changes what the new render brings, so that no migration of the last one differs or goes, and none that comes has a
/// number that the owner's have. Gives a note for each that needed one.
pub(super) fn keep(swaps: &[Swap], base: &Items, ours: &Items, new: &mut Items) -> Vec<String> {
    let swapped = swapped(swaps, base, new);
    let mut notes = Vec::new();
    for (path, item) in base.iter().filter(|(path, _)| is_migration(path)) {
        if new.insert(path.clone(), item.clone()).is_some_and(|other| other != *item) {
            notes.push(format!("{path} stays as it is, though newer templates have it otherwise"));
        }
    }
    notes.extend(come(base, ours, new));
    for (path, item) in swapped {
        new.insert(last_path(&path, ours, new), item);
    }
    notes
}

/// What is to be the last that the database sees, in this order: what takes back an option's migrations, so that the next
/// one's find room, and those of an option that comes, be it for the first time or again.
fn swapped(swaps: &[Swap], base: &Items, new: &mut Items) -> Vec<(String, Item)> {
    let was_taken = |swap: &&Swap| swap.taken.keys().any(|path| base.contains_key(path));
    let (here, gone): (Vec<_>, Vec<_>) = swaps.iter().partition(|swap| swap.is_taken);
    let left = gone.into_iter().filter(was_taken).flat_map(|swap| &swap.left);
    let come = here.into_iter().filter(|swap| !was_taken(swap)).flat_map(|swap| &swap.taken);
    let all: Vec<_> = left.chain(come.clone()).map(|(path, item)| (path.clone(), item.clone())).collect();
    come.for_each(|(path, _)| drop(new.remove(path)));
    all
}

/// For another database: the migrations of the last render go, whatever became of them, and those of the new one come.
/// Gives a note for each that was written for the database before and is nobody's but the owner's.
pub(super) fn replace(swaps: &[Swap], base: &mut Items, ours: &Items, new: &mut Items) -> Vec<String> {
    let is_swapped = |item: &Item| {
        let mut all = swaps.iter().flat_map(|swap| swap.taken.values().chain(swap.left.values()));
        all.any(|other| other.blob == item.blob)
    };
    let swapped = ours.iter().filter(|(_, item)| is_swapped(item)).map(|(path, _)| path);
    let rendered = base.keys().chain(swapped).filter(|path| is_migration(path));
    let rendered: Vec<_> = rendered.cloned().collect();
    for path in rendered {
        match ours.get(&path) {
            Some(item) => drop(base.insert(path, item.clone())),
            None => drop(base.remove(&path)),
        }
    }
    let others = ours.iter().filter(|(path, _)| !base.contains_key(*path));
    let others: Items = others.map(|(path, item)| (path.clone(), item.clone())).collect();
    let mut notes = come(base, &others, new);
    let left = others.keys().filter(|path| is_migration(path) && !new.contains_key(*path));
    notes.extend(
        left.map(|path| format!("{path} was written for another database: write it anew, or remove it")),
    );
    notes
}

/// None that comes has a number that `ours` have.
fn come(base: &Items, ours: &Items, new: &mut Items) -> Vec<String> {
    let mut notes = Vec::new();
    let coming: Vec<_> =
        new.keys().filter(|path| is_migration(path) && !base.contains_key(*path)).cloned().collect();
    for path in coming {
        let Some(item) = new.remove(&path) else { continue };
        let same = ours.iter().find(|(other, there)| is_migration(other) && there.blob == item.blob);
        if let Some((there, item)) = same {
            // It was here before, from an earlier time with this option.
            if *there == path {
                new.insert(path, item.clone());
            }
            continue;
        }
        let free = free_path(&path, ours, new);
        if free != path {
            notes.push(format!("{path} comes as {free}: a migration of yours has its number"));
        }
        new.insert(free, item);
    }
    notes
}

/// The path itself, or with the next number that no other migration has.
fn free_path(path: &str, ours: &Items, new: &Items) -> String {
    let taken = numbers(ours, new);
    let mut free = number(path).unwrap_or_default();
    while taken.contains(&free) {
        free += 1;
    }
    with_number(path, free)
}

/// With a number after those of all others.
fn last_path(path: &str, ours: &Items, new: &Items) -> String {
    let last = numbers(ours, new).last().copied().unwrap_or_default();
    with_number(path, last.saturating_add(1))
}

fn numbers(ours: &Items, new: &Items) -> BTreeSet<u64> {
    ours.keys().chain(new.keys()).filter_map(|path| number(path)).collect()
}

/// As many digits as before; a path without a number stays as it is.
fn with_number(path: &str, number: u64) -> String {
    let name = path.strip_prefix(MIGRATIONS).and_then(|name| name.split_once('_'));
    match name {
        Some((digits, rest)) if self::number(path).is_some() => {
            format!("{MIGRATIONS}{number:0width$}_{rest}", width = digits.len())
        }
        _ => path.to_owned(),
    }
}

fn number(path: &str) -> Option<u64> {
    is_migration(path).then(|| path[MIGRATIONS.len()..].split_once('_')?.0.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(files: &[(&str, &str)]) -> Items {
        let item = |blob: &str| Item { mode: "100644".into(), blob: blob.into() };
        files.iter().map(|(path, blob)| ((*path).to_owned(), item(blob))).collect()
    }

    fn kept(base: &[(&str, &str)], ours: &[(&str, &str)], new: &[(&str, &str)]) -> (Vec<String>, usize) {
        kept_with(&[], base, ours, new)
    }

    fn kept_with(
        swaps: &[Swap],
        base: &[(&str, &str)],
        ours: &[(&str, &str)],
        new: &[(&str, &str)],
    ) -> (Vec<String>, usize) {
        let mut new = items(new);
        let notes = keep(swaps, &items(base), &items(ours), &mut new);
        (new.iter().map(|(path, item)| format!("{path} {}", item.blob)).collect(), notes.len())
    }

    #[test]
    fn one_that_was_rendered_stays() {
        let one = [("migrations/1_a.sql", "a")];
        assert_eq!(kept(&one, &one, &[]), (vec!["migrations/1_a.sql a".to_owned()], 0));
        let changed = [("migrations/1_a.sql", "b")];
        assert_eq!(kept(&one, &one, &changed), (vec!["migrations/1_a.sql a".to_owned()], 1));
    }

    #[test]
    fn one_that_comes_takes_a_free_number() {
        let ours = [("migrations/007_mine.sql", "m"), ("migrations/008_mine.sql", "n")];
        let new = [("migrations/007_theirs.sql", "t"), ("migrations/009_theirs.sql", "u")];
        let expected =
            vec!["migrations/009_theirs.sql u".to_owned(), "migrations/010_theirs.sql t".to_owned()];
        assert_eq!(kept(&[], &ours, &new), (expected, 1));
    }

    #[test]
    fn one_that_is_there_does_not_come_twice() {
        let ours = [("migrations/8_a.sql", "a")];
        assert_eq!(kept(&[], &ours, &[("migrations/7_a.sql", "a")]), (Vec::new(), 0));
        assert_eq!(kept(&[], &ours, &ours), (vec!["migrations/8_a.sql a".to_owned()], 0));
    }

    /// Of options that undo what the other did, one of which is taken.
    fn swaps(taken: &str) -> [Swap; 2] {
        let swap = |name: &str, number: u32| Swap {
            is_taken: name == taken,
            taken: items(&[(&format!("migrations/{number}_{name}.sql"), name)]),
            left: items(&[(&format!("migrations/{}_{name}_left.sql", number + 1), "left")]),
        };
        [swap("b", 20), swap("a", 10)]
    }

    #[test]
    fn an_option_that_is_swapped_for_another_and_back_comes_last_each_time() {
        let (base, other) = ([("migrations/10_a.sql", "a")], [("migrations/20_b.sql", "b")]);
        let mut ours = vec![("migrations/10_a.sql", "a"), ("migrations/30_mine.sql", "m")];
        let came = |taken, base: &[_], ours: &[_], new: &[_]| kept_with(&swaps(taken), base, ours, new);
        let there = ["migrations/10_a.sql a", "migrations/31_a_left.sql left", "migrations/32_b.sql b"];
        assert_eq!(came("b", &base, &ours, &other), (there.map(str::to_owned).to_vec(), 0));
        ours.extend([("migrations/31_a_left.sql", "left"), ("migrations/32_b.sql", "b")]);
        // The second render has its own at its own number, which the project has not.
        let back = ["migrations/20_b.sql b", "migrations/33_b_left.sql left", "migrations/34_a.sql a"];
        assert_eq!(came("a", &other, &ours, &base), (back.map(str::to_owned).to_vec(), 0));
        assert_eq!(came("b", &other, &ours, &other), (vec!["migrations/20_b.sql b".to_owned()], 0));
    }

    #[test]
    fn what_came_with_swaps_goes_with_its_database_too() {
        let mut base = items(&[("migrations/10_a.sql", "a")]);
        let ours = items(&[
            ("migrations/10_a.sql", "a"),
            ("migrations/11_a_left.sql", "left"),
            ("migrations/12_b.sql", "b"),
            ("migrations/13_mine.sql", "m"),
        ]);
        let mut new = items(&[("migrations/20_b.sql", "B")]);
        assert_eq!(replace(&swaps("b"), &mut base, &ours, &mut new).len(), 1, "of the owner's own");
        assert_eq!(base.len(), 3, "{base:?}");
        assert_eq!(new, items(&[("migrations/20_b.sql", "B")]));
    }

    #[test]
    fn another_database_has_seen_none() {
        let mut base =
            items(&[("migrations/1_a.sql", "a"), ("migrations/2_b.sql", "b"), ("migrations/4_d.sql", "d")]);
        let ours = items(&[
            ("migrations/1_a.sql", "edited"),
            ("migrations/2_b.sql", "b"),
            ("migrations/3_mine.sql", "m"),
        ]);
        let mut new =
            items(&[("migrations/1_a.sql", "A"), ("migrations/3_c.sql", "C"), ("migrations/4_d.sql", "D")]);
        let notes = replace(&[], &mut base, &ours, &mut new);
        assert_eq!(base, items(&[("migrations/1_a.sql", "edited"), ("migrations/2_b.sql", "b")]));
        assert_eq!(
            new,
            items(&[("migrations/1_a.sql", "A"), ("migrations/4_d.sql", "D"), ("migrations/5_c.sql", "C")])
        );
        assert_eq!(notes.len(), 2, "{notes:?}");
    }
}
