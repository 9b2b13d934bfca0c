//! What a service under test is told of its servers. They outlive it, and others use them at the same time: what is its
//! own there has a name of its own, as its data has a folder.

use std::{path::Path, sync::Arc};

use crate::catalog::Server;

/// The longest name that every server takes.
const LONGEST: usize = 60;

#[derive(Clone, Debug, Default)]
pub struct Settings(Arc<[(Server, String)]>);

impl FromIterator<(Server, String)> for Settings {
    fn from_iter<I: IntoIterator<Item = (Server, String)>>(servers: I) -> Self {
        Self(servers.into_iter().collect())
    }
}

impl Settings {
    /// Services with the same folder have the same data everywhere.
    pub fn for_data(&self, folder: &Path) -> Vec<(String, String)> {
        let name = name_of(folder);
        let told = |(server, url): &(Server, String)| {
            server.settings_at(url, &name).into_iter().chain(server.patience.clone())
        };
        self.0.iter().flat_map(told).collect()
    }
}

/// The folder is in a temporary one, whose name no other check has.
fn name_of(folder: &Path) -> String {
    let parts: Vec<_> = folder.iter().map(|part| part.to_string_lossy()).collect();
    let text = parts[parts.len().saturating_sub(2)..].join("_");
    let plain = text.chars().filter_map(|c| match c {
        'a'..='z' | '0'..='9' => Some(c),
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        '-' | '_' => Some('_'),
        _ => None,
    });
    plain.take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn a_name_is_that_of_the_check_and_the_folder() {
        assert_eq!(name_of(Path::new("/tmp/formwork-aB3.x/config-12")), "formwork_ab3x_config_12");
    }

    #[test]
    fn a_service_under_test_is_told_where_servers_are_and_to_have_patience() {
        let catalog = Catalog::embedded().expect("a catalog");
        let redis = catalog.option("cache", "redis").expect("an option").server.clone().expect("a recipe");
        let settings: Settings = [(redis, "redis://127.0.0.1:1/0".to_owned())].into_iter().collect();
        let told: BTreeMap<_, _> = settings.for_data(Path::new("/tmp/a/b")).into_iter().collect();
        let told = |variable: &str| told.get(variable).map(String::as_str);
        assert_eq!(told("APP__CACHE__URL"), Some("redis://127.0.0.1:1/0"));
        assert_eq!(told("APP__CACHE__PREFIX"), Some("a_b"));
        assert_eq!(told("APP__CACHE__TIMEOUT"), Some("4s"));
    }
}
