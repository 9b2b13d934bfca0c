//! `docs/configuration.md` and `.env.example` list exactly the variables that the code reads, with the
//! defaults that take effect.

use std::collections::BTreeMap;

use service::config::{Config, Environment, Source, Variable};

const REFERENCE: &str = include_str!("../../../docs/configuration.md");
const EXAMPLE: &str = include_str!("../../../.env.example");

/// A row of the reference.
struct Row {
    default: Option<String>,
    meaning: String,
}

impl Row {
    fn is_required(&self) -> bool {
        self.meaning.contains("**Required")
    }

    fn is_secret(&self) -> bool {
        self.meaning.contains("A secret: ")
    }
}

fn reference() -> BTreeMap<String, Row> {
    let rows = REFERENCE
        .lines()
        .filter(|line| line.starts_with("| `APP__"));
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').splitn(3, '|').map(str::trim);
        let mut next = || cells.next().expect("three cells").to_owned();
        let (name, default, meaning) = (next(), next(), next());
        let default = match default.as_str() {
            "none" => None,
            "empty" => Some(String::new()),
            default => Some(default.trim_matches('`').to_owned()),
        };
        (name.trim_matches('`').to_owned(), Row { default, meaning })
    };
    rows.map(row).collect()
}

/// What `.env.example` would set.
fn example() -> BTreeMap<String, String> {
    let settings = EXAMPLE.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("# APP__")?.split_once('=')?;
        Some((format!("APP__{name}"), value.to_owned()))
    });
    settings.collect()
}

fn read(given: BTreeMap<String, String>) -> BTreeMap<&'static str, Variable> {
    let (_, variables) = Config::read(&mut Environment::new(given)).expect("it holds");
    let by_name = |variable: Variable| (variable.name, variable);
    variables.into_iter().map(by_name).collect()
}

fn development() -> BTreeMap<&'static str, Variable> {
    read([("APP__ENVIRONMENT".to_owned(), "development".to_owned())].into())
}

fn production() -> BTreeMap<&'static str, Variable> {
    read(production_settings())
}

/// Nothing but what must be set in production, as the example has it.
pub(crate) fn production_settings() -> BTreeMap<String, String> {
    let reference = reference();
    let mut given = example();
    given.retain(|name, _| reference[name].is_required());
    given.insert("APP__ENVIRONMENT".to_owned(), "production".to_owned());
    with_secrets(given)
}

/// The example shows none.
fn with_secrets(mut given: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let reference = reference();
    for (name, value) in &mut given {
        if value.is_empty() && reference[name].is_secret() {
            "a secret of more than 32 characters".clone_into(value);
        }
    }
    given
}

#[test]
fn both_list_exactly_what_is_read() {
    let read: Vec<String> = development().into_keys().map(str::to_owned).collect();
    assert_eq!(reference().into_keys().collect::<Vec<_>>(), read);
    assert_eq!(example().into_keys().collect::<Vec<_>>(), read);
}

#[test]
fn the_defaults_are_those_that_take_effect() {
    let (development, production) = (development(), production());
    for (name, row) in reference() {
        let mine = &development[name.as_str()];
        let theirs = &production[name.as_str()];
        let default = match theirs.source {
            Source::Default => theirs,
            _ => mine,
        };
        match &row.default {
            Some(documented) => assert_eq!(*documented, default.value, "{name}"),
            // It has none, or one that depends on how the service was built or is called.
            None => assert!(
                ["", "development", env!("CARGO_PKG_NAME")].contains(&default.value.as_str()),
                "{name} has a default: {:?}",
                default.value
            ),
        }
        if mine.value != default.value {
            let said = format!("`{}` in development", mine.value);
            assert!(row.meaning.contains(&said), "{name} does not say {said:?}");
        }
    }
}

#[test]
fn the_example_shows_the_defaults() {
    let reference = reference();
    for (name, value) in example() {
        let row = &reference[&name];
        let is_default = row.default.as_ref() == Some(&value);
        assert!(
            is_default || row.is_required() || row.default.is_none(),
            "{name}={value}"
        );
    }
}

/// Taken as it is, without the `#` and with a secret, it is a configuration that holds.
#[test]
fn the_example_holds() {
    read(with_secrets(example()));
}
