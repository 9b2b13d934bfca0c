//! Every combination of the real catalog renders, and what it renders parses.

use std::collections::{BTreeSet, HashSet};

use formwork::{
    answers::{self, Answers, Choices, ProjectName},
    catalog::{Catalog, Plan},
    render::{self, Render},
};

use crate::support::fixture;

/// Every valid set of answers of a catalog.
pub(crate) fn all(catalog: &Catalog) -> Vec<Choices> {
    answers::all(catalog, &Choices::default())
}

pub(crate) fn render_as(catalog: &Catalog, choices: &Choices, name: &str) -> Render {
    let answers = Answers::new(catalog, ProjectName::new(name).unwrap(), choices).unwrap();
    render::render(&Plan::new(catalog, &answers).unwrap())
        .unwrap_or_else(|error| panic!("{choices:?}: {error}"))
}

#[test]
fn every_combination_renders_and_parses() {
    let catalog = Catalog::embedded().unwrap();
    let all = all(&catalog);
    assert!(!all.is_empty());
    let mut seen = HashSet::new();
    for choices in all {
        let render = render_as(&catalog, &choices, "orders");
        for (path, entry) in render.tree.iter() {
            // Most files are the same in most combinations.
            if seen.insert((path.to_owned(), entry.bytes.to_vec())) {
                parse(path, &entry.bytes).unwrap_or_else(|why| panic!("{path} with {choices:?}: {why}"));
            }
        }
        assert!(render.tree.get("Cargo.toml").is_some() && render.tree.get("src/main.rs").is_some());
    }
}

/// Slot and option, twice.
type Pair = [(String, String); 2];

fn pairs(sets: &[Choices]) -> BTreeSet<Pair> {
    let owned = |(slot, option): (&str, &str)| (slot.to_owned(), option.to_owned());
    let of_one = |set: &Choices| {
        let chosen: Vec<_> = set.iter().map(owned).collect();
        let product =
            chosen.iter().flat_map(|one| chosen.iter().map(move |other| [one.clone(), other.clone()]));
        product.filter(|[one, other]| one < other).collect::<Vec<_>>()
    };
    sets.iter().flat_map(of_one).collect()
}

#[test]
fn a_covering_has_every_pair_and_far_fewer_sets() {
    for catalog in [Catalog::embedded().unwrap(), fixture()] {
        let all = all(&catalog);
        let few = answers::covering(&catalog, &Choices::default());
        assert_eq!(few.first(), Choices::default().completed(&catalog).as_ref());
        assert_eq!(pairs(&few), pairs(&all));
        assert!(few.iter().all(|set| all.contains(set)), "{few:#?}");
        assert!(few.len() <= all.len());
    }
}

#[test]
fn a_covering_keeps_what_is_given_and_ends_where_nothing_is_allowed() {
    let catalog = fixture();
    let mut given = Choices::default();
    given.set_pair(&catalog, "storage=disk").unwrap();
    let few = answers::covering(&catalog, &given);
    assert!(!few.is_empty() && few.iter().all(|set| set.get("storage") == Some("disk")));
    given.set_pair(&catalog, "queue=broker").unwrap();
    assert_eq!(answers::covering(&catalog, &given), []);
}

fn parse(path: &str, bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("rs") => syn::parse_file(text).map(drop).map_err(|error| error.to_string()),
        Some("toml" | "lock") => text.parse::<toml::Table>().map(drop).map_err(|error| error.to_string()),
        Some("json") => serde_json::from_str::<serde_json::Value>(text).map(drop).map_err(|e| e.to_string()),
        _ => Ok(()),
    }?;
    match text.ends_with('\n') && !text.ends_with("\n\n") || text.is_empty() {
        true => Ok(()),
        false => Err("it does not end with exactly one newline".to_owned()),
    }
}
