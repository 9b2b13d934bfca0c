//! Every combination of the real catalog renders, and what it renders parses.

use std::collections::HashSet;

use formwork::{
    answers::{Answers, Choices, ProjectName},
    catalog::{Catalog, Plan},
    render::{self, Render},
};

/// Every valid set of answers of a catalog.
pub(crate) fn all(catalog: &Catalog) -> Vec<Choices> {
    let mut all = vec![Choices::default()];
    for slot in catalog.slots() {
        let with_each = |choices: Choices| {
            let allowed = slot.options.iter().filter({
                let choices = choices.clone();
                move |part| choices.ruled_out(catalog, part).is_none()
            });
            allowed
                .map(move |part| {
                    let mut with = choices.clone();
                    with.set(catalog, &slot.name, &part.name).unwrap();
                    with
                })
                .collect::<Vec<_>>()
        };
        all = all.into_iter().flat_map(with_each).collect();
    }
    all
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
