//! formwork.toml after a change: what is recorded is new, what somebody wrote beside it stays.

use toml_edit::{DocumentMut, Item, Table};

/// Tables of which nothing is anybody else's; they go where nothing is recorded in them any more.
const OWN_TABLES: [&str; 6] = ["formwork", "project", "answers", "vars", "preset", "server"];

/// The values of `new` in the form of `old`, with its comments and with keys that are not ours.
pub(super) fn carried(old: &str, new: &str) -> String {
    let (Ok(mut old), Ok(new)) = (old.parse::<DocumentMut>(), new.parse::<DocumentMut>()) else {
        return new.to_owned();
    };
    old.retain(|key, _| new.contains_key(key) || !OWN_TABLES.contains(&key));
    for (key, item) in new.iter() {
        match (old.get_mut(key), item) {
            (Some(Item::Table(there)), Item::Table(table)) => carry(there, table, OWN_TABLES.contains(&key)),
            (Some(there), _) => overwrite(there, item),
            (None, _) => drop(old.insert(key, item.clone())),
        }
    }
    old.to_string()
}

fn carry(old: &mut Table, new: &Table, is_ours: bool) {
    if is_ours {
        old.retain(|key, _| new.contains_key(key));
    }
    for (key, item) in new {
        match old.get_mut(key) {
            Some(there) => overwrite(there, item),
            None => drop(old.insert(key, item.clone())),
        }
    }
}

/// Another value on the same line.
fn overwrite(there: &mut Item, item: &Item) {
    match (there, item) {
        (Item::Value(there), Item::Value(value)) => {
            let decor = there.decor().clone();
            *there = value.clone();
            *there.decor_mut() = decor;
        }
        (there, item) => *there = item.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_foreign_keys_stay() {
        let old = "# Ours.\nschema = 1\n\n[formwork]\nversion = \"0.1.0\" # since May\n\n[answers]\n# why: cheap\n\
                   queue = \"database\"\ngone = \"x\"\n\n[team]\nname = \"a\"\n";
        let new = "# Other.\nschema = 1\n\n[formwork]\nversion = \"0.2.0\"\n\n[answers]\nqueue = \"nats\"\nllm = \"none\"\n";
        let expected = "# Ours.\nschema = 1\n\n[formwork]\nversion = \"0.2.0\" # since May\n\n[answers]\n# why: cheap\n\
                        queue = \"nats\"\nllm = \"none\"\n\n[team]\nname = \"a\"\n";
        assert_eq!(carried(old, new), expected);
    }

    #[test]
    fn servers_come_and_go_with_what_needs_them() {
        let without = "schema = 1\n\n[answers]\ncache = \"none\"\n\n[team]\nname = \"a\"\n";
        let with = "schema = 1\n\n[answers]\ncache = \"redis\"\n\n[[server]]\nname = \"redis\"\n\n\
                    [server.settings]\nAPP__CACHE__URL = \"{url}\"\n\n[[server]]\nname = \"nats\"\n";
        let both = carried(without, with);
        let parsed: toml::Table = both.parse().unwrap();
        assert_eq!(parsed["server"].as_array().map(Vec::len), Some(2), "{both}");
        assert_eq!(parsed["server"][0]["settings"]["APP__CACHE__URL"].as_str(), Some("{url}"), "{both}");
        assert!(parsed.contains_key("team"), "{both}");
        assert_eq!(carried(&both, without), without);
    }
}
