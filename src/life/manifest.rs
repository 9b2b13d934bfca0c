//! A `Cargo.toml` that lines cannot merge, merged by what it says.
//!
//! Keys are compared by their values, so order, comments and the form of a dependency do not matter. Lists of words
//! (features, members) are merged as sets. Two versions of one dependency become the higher where it takes the place of
//! the lower. What is left is a conflict, and the file stays git's.

use semver::Version;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// The merge of three manifests; what cannot be merged is named.
pub(super) fn merge(base: &str, ours: &str, theirs: &str) -> Result<String, String> {
    let parse = |text: &str| text.parse::<DocumentMut>().map_err(|error| error.message().to_owned());
    let (base, mut merged, theirs) = (parse(base)?, parse(ours)?, parse(theirs)?);
    tables(base.as_table(), merged.as_table_mut(), theirs.as_table(), "")?;
    Ok(merged.to_string())
}

/// Whether it is one at all: lines that merge well can still say a thing twice.
pub(super) fn is_valid(text: &str) -> bool {
    text.parse::<DocumentMut>().is_ok()
}

fn tables(
    base: &dyn TableLike,
    ours: &mut dyn TableLike,
    theirs: &dyn TableLike,
    at: &str,
) -> Result<(), String> {
    let mut keys: Vec<String> = theirs.iter().map(|(key, _)| key.to_owned()).collect();
    keys.extend(base.iter().map(|(key, _)| key.to_owned()).filter(|key| !theirs.contains_key(key)));
    for key in keys {
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        let (base, new) = (base.get(&key), theirs.get(&key));
        let own = ours.get(&key);
        if same(base, new) || same(own, new) {
            continue;
        }
        if same(base, own) {
            match new {
                Some(new) => take(ours, &key, new, at),
                None => drop(ours.remove(&key)),
            }
            continue;
        }
        let (Some(own), Some(new)) = (ours.get_mut(&key), new) else {
            return Err(format!("`{path}` is changed on one side and gone on the other"));
        };
        items(base, own, new, &path)?;
    }
    Ok(())
}

/// Both sides changed it, each in its own way.
fn items(base: Option<&Item>, ours: &mut Item, theirs: &Item, at: &str) -> Result<(), String> {
    if is_dependency(at) {
        return dependency(base, ours, theirs, at);
    }
    let nothing = Table::new();
    let base_table: &dyn TableLike = base.and_then(Item::as_table_like).unwrap_or(&nothing);
    if let (Some(ours), Some(theirs)) = (ours.as_table_like_mut(), theirs.as_table_like()) {
        return tables(base_table, ours, theirs, at);
    }
    let empty = Array::new();
    let base_list = base.and_then(Item::as_array).unwrap_or(&empty);
    match (ours.as_array_mut(), theirs.as_array()) {
        (Some(ours), Some(theirs)) if is_words(ours) && is_words(theirs) => {
            words(base_list, ours, theirs);
            Ok(())
        }
        _ => Err(format!("`{at}` is changed on both sides")),
    }
}

/// `dependencies.NAME`, also for a target, and also what is for tests or shared by a workspace.
fn is_dependency(at: &str) -> bool {
    at.rsplit_once('.').is_some_and(|(table, _)| {
        let table = table.rsplit('.').next().unwrap_or(table);
        matches!(table, "dependencies" | "dev-dependencies" | "build-dependencies")
    })
}

/// `"1"` and `{ version = "1" }` say the same.
fn dependency(base: Option<&Item>, ours: &mut Item, theirs: &Item, at: &str) -> Result<(), String> {
    let base = base.map(long_form).unwrap_or_default();
    let new = long_form(theirs);
    let mut own = long_form(ours);
    let version = |table: &InlineTable| table.get("version").and_then(Value::as_str).map(str::to_owned);
    let (old_version, own_version, new_version) = (version(&base), version(&own), version(&new));
    let mut rest = new.clone();
    if let (Some(own_version), Some(new_version)) = (&own_version, &new_version)
        && own_version != new_version
        && old_version.as_ref() != Some(new_version)
        && old_version.as_ref() != Some(own_version)
    {
        let higher = higher(own_version, new_version)
            .ok_or_else(|| format!("`{at}` is wanted as {own_version} and as {new_version}"))?;
        own.insert("version", higher.into());
        rest.insert("version", higher.into());
    }
    let defaults =
        |table: &InlineTable| table.get("default-features").and_then(Value::as_bool).unwrap_or(true);
    if base.is_empty() && defaults(&own) != defaults(&new) {
        // Features only add up: what one side counts on must be there.
        own.remove("default-features");
        rest.remove("default-features");
    }
    tables(&base, &mut own, &rest, at)?;
    let is_short = own.len() == 1 && own.contains_key("version");
    let was_table = ours.is_table();
    if !was_table {
        own.fmt();
        let value = match own.get("version") {
            Some(version) if is_short => version.clone(),
            _ => Value::InlineTable(own),
        };
        let decor = ours.as_value().map(|value| value.decor().clone());
        let mut value = value;
        if let Some(decor) = decor {
            *value.decor_mut() = decor;
        }
        *ours = Item::Value(value);
        return Ok(());
    }
    let mut table = own.into_table();
    if let Some(old) = ours.as_table() {
        *table.decor_mut() = old.decor().clone();
        table.set_position(old.position());
    }
    *ours = Item::Table(table);
    Ok(())
}

fn long_form(item: &Item) -> InlineTable {
    match item {
        Item::Value(Value::String(version)) => {
            let mut table = InlineTable::new();
            table.insert("version", version.value().as_str().into());
            table
        }
        Item::Value(Value::InlineTable(table)) => table.clone(),
        Item::Table(table) => table.clone().into_inline_table(),
        _ => InlineTable::new(),
    }
}

/// The higher of two requirements, if what meets it meets the other too: both are plain versions, of one series.
fn higher<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    let (a, b) = (plain(one)?, plain(other)?);
    let series = |version: &Version| match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    };
    (series(&a) == series(&b)).then_some(if a >= b { one } else { other })
}

/// `1`, `1.2` or `1.2.3`, as a version.
fn plain(requirement: &str) -> Option<Version> {
    let mut numbers = requirement.split('.').map(|part| part.parse::<u64>().ok());
    let (major, minor, patch) = (numbers.next()??, numbers.next(), numbers.next());
    let rest_is_there = numbers.next().is_none();
    rest_is_there.then_some(Version::new(major, minor.unwrap_or(Some(0))?, patch.unwrap_or(Some(0))?))
}

fn is_words(list: &Array) -> bool {
    list.iter().all(Value::is_str)
}

/// Adds what the new side added and drops what it dropped; the owner's order and lines stay.
fn words(base: &Array, ours: &mut Array, theirs: &Array) {
    let has = |list: &Array, word: &str| list.iter().any(|value| value.as_str() == Some(word));
    ours.retain(|value| value.as_str().is_none_or(|word| !has(base, word) || has(theirs, word)));
    for word in theirs.iter().filter_map(Value::as_str) {
        if !has(base, word) && !has(ours, word) {
            ours.push(word);
        }
    }
    if !ours.to_string().contains('\n') {
        ours.fmt();
    }
}

/// Puts the new side's item in, with its comments; beside its neighbours where those are in order.
fn take(ours: &mut dyn TableLike, key: &str, new: &Item, at: &str) {
    let sorted = |table: &dyn TableLike| {
        let keys: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
        keys.is_sorted()
    };
    let was_sorted = sorted(ours);
    let mut new = new.clone();
    if let Item::Table(table) = &mut new {
        // Its place in the other file is none in this one.
        table.set_position(None);
    }
    ours.insert(key, new);
    let lists_crates = is_dependency(&format!("{at}.{key}"));
    if lists_crates && was_sorted && ours.iter().all(|(_, item)| item.is_value()) {
        ours.sort_values();
    }
}

fn same(one: Option<&Item>, other: Option<&Item>) -> bool {
    let said = |item: Option<&Item>| item.map(meaning);
    said(one) == said(other)
}

/// What an item says, without how it is written.
fn meaning(item: &Item) -> String {
    match item {
        Item::None => String::new(),
        Item::Value(value) => value_meaning(value),
        Item::Table(table) => table_meaning(table),
        Item::ArrayOfTables(tables) => {
            let all: Vec<_> = tables.iter().map(|table| table_meaning(table)).collect();
            format!("[{}]", all.join(","))
        }
    }
}

fn table_meaning(table: &dyn TableLike) -> String {
    let mut pairs: Vec<_> = table.iter().map(|(key, item)| format!("{key:?}:{}", meaning(item))).collect();
    pairs.sort();
    format!("{{{}}}", pairs.join(","))
}

fn value_meaning(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", text.value()),
        Value::Integer(number) => number.value().to_string(),
        Value::Float(number) => number.value().to_string(),
        Value::Boolean(truth) => truth.value().to_string(),
        Value::Datetime(date) => date.value().to_string(),
        Value::Array(list) => {
            let all: Vec<_> = list.iter().map(value_meaning).collect();
            format!("[{}]", all.join(","))
        }
        Value::InlineTable(table) => table_meaning(table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str =
        "[dependencies]\naxum = \"0.8\"\nsqlx = { version = \"0.9\", features = [\"sqlite\"] }\n";

    fn merged(base: &str, ours: &str, theirs: &str) -> String {
        merge(base, ours, theirs).unwrap()
    }

    #[test]
    fn the_same_crate_added_in_two_versions_is_there_once_in_the_higher() {
        let ours = format!("{BASE}zeta = \"1.2\"\n");
        for (theirs, expected) in [
            ("zeta = \"1.4\"\n", "zeta = \"1.4\"\n"),
            ("zeta = \"1\"\n", "zeta = \"1.2\"\n"),
            (
                "zeta = { version = \"1.4\", features = [\"x\"] }\n",
                "zeta = { version = \"1.4\", features = [\"x\"] }\n",
            ),
        ] {
            assert_eq!(merged(BASE, &ours, &format!("{BASE}{theirs}")), format!("{BASE}{expected}"));
        }
        let error = merge(BASE, &ours, &format!("{BASE}zeta = \"2\"\n")).unwrap_err();
        assert_eq!(error, "`dependencies.zeta` is wanted as 1.2 and as 2");
    }

    #[test]
    fn what_the_owner_added_and_the_template_changed_are_both_there() {
        let ours = BASE.replace("axum", "anyhow = \"1\" # ours\naxum");
        let theirs = BASE.replace("0.8", "0.9").replace("\"sqlite\"", "\"sqlite\", \"json\"");
        let expected = "[dependencies]\nanyhow = \"1\" # ours\naxum = \"0.9\"\n\
                        sqlx = { version = \"0.9\", features = [\"sqlite\", \"json\"] }\n";
        assert_eq!(merged(BASE, &ours, &theirs), expected);
    }

    #[test]
    fn features_are_merged_as_a_set() {
        let ours = BASE.replace("\"sqlite\"", "\"sqlite\", \"mine\"");
        let theirs = BASE.replace("\"sqlite\"", "\"postgres\"");
        assert!(merged(BASE, &ours, &theirs).contains("features = [\"mine\", \"postgres\"]"));
    }

    #[test]
    fn what_goes_from_the_template_goes_unless_the_owner_changed_it() {
        let theirs = "[dependencies]\naxum = \"0.8\"\n";
        assert_eq!(merged(BASE, BASE, theirs), theirs);
        let ours = BASE.replace("\"sqlite\"", "\"sqlite\", \"mine\"");
        assert!(merge(BASE, &ours, theirs).unwrap_err().contains("dependencies.sqlx"));
    }

    #[test]
    fn tables_that_come_are_taken_whole() {
        let theirs = format!("{BASE}\n# Speed.\n[profile.dev]\ndebug = false\n");
        let ours = format!("# Mine.\n{BASE}zeta = \"1\"\n");
        let text = merged(BASE, &ours, &theirs);
        assert!(text.starts_with("# Mine.\n") && text.contains("zeta = \"1\"\n"), "{text}");
        assert!(text.contains("# Speed.\n[profile.dev]\ndebug = false\n"), "{text}");
    }
}
