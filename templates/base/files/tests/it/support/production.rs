//! What production must be given before it starts.

use std::collections::BTreeMap;

const REFERENCE: &str = include_str!("../../../docs/configuration.md");
const EXAMPLE: &str = include_str!("../../../.env.example");

/// The example shows none.
const SECRET: &str = "32 bytes that are not very random";

/// All of it, with the values of the example.
pub(crate) fn environment() -> BTreeMap<&'static str, &'static str> {
    let rows = REFERENCE.lines().filter(|row| row.contains("**Required"));
    let names = rows.filter_map(|row| row.split('`').nth(1));
    let given = names.map(|name| (name, example(name)));
    given.chain([("APP__ENVIRONMENT", "production")]).collect()
}

fn example(name: &str) -> &'static str {
    let mut values = EXAMPLE.lines().filter_map(|line| {
        let (variable, value) = line.strip_prefix("# ")?.split_once('=')?;
        (variable == name && !value.is_empty()).then_some(value)
    });
    values.next_back().unwrap_or(SECRET)
}
