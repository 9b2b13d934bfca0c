//! Every combination of the real catalog renders, and what it renders parses.

use std::{
    collections::{BTreeSet, HashMap},
    sync::OnceLock,
};

use formwork::{
    answers::{self, Answers, Choices, ProjectName},
    catalog::{Catalog, Plan},
    render::{self, LOCK, Render},
};

use crate::support::fixture;

const MANIFEST: &str = "Cargo.toml";

/// Every valid set of answers of a catalog.
fn all(catalog: &Catalog) -> Vec<Choices> {
    answers::all(catalog, &Choices::default())
}

pub(crate) fn render_as(catalog: &Catalog, choices: &Choices, name: &str) -> Render {
    let answers = Answers::new(catalog, ProjectName::new(name).unwrap(), choices).unwrap();
    render::render(&Plan::new(catalog, &answers).unwrap())
        .unwrap_or_else(|error| panic!("{choices:?}: {error}"))
}

/// What all combinations render together, which takes long enough to be done once.
pub(crate) struct Every {
    /// Most files are the same in most combinations; each stands here once, with a combination that has it.
    files: HashMap<(String, Vec<u8>), Choices>,
    /// A combination for each manifest and its lock.
    pub(crate) locked: HashMap<[Vec<u8>; 2], Choices>,
}

pub(crate) fn every() -> &'static Every {
    static EVERY: OnceLock<Every> = OnceLock::new();
    EVERY.get_or_init(|| {
        let catalog = Catalog::embedded().unwrap();
        let mut every = Every { files: HashMap::new(), locked: HashMap::new() };
        for choices in all(&catalog) {
            let render = render_as(&catalog, &choices, "orders");
            assert!(render.tree.get("src/main.rs").is_some(), "{choices:?}");
            let bytes = |path: &str| render.tree.get(path).unwrap().bytes.to_vec();
            every.locked.entry([MANIFEST, LOCK].map(bytes)).or_insert_with(|| choices.clone());
            for (path, entry) in render.tree.iter() {
                let file = (path.to_owned(), entry.bytes.to_vec());
                every.files.entry(file).or_insert_with(|| choices.clone());
            }
        }
        every
    })
}

#[test]
fn every_combination_renders_and_parses() {
    for ((path, bytes), choices) in &every().files {
        parse(path, bytes).unwrap_or_else(|why| panic!("{path} with {choices:?}: {why}"));
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
