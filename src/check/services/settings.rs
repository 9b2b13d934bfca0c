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
        self.0.iter().flat_map(|(server, url)| server.settings_at(url, &name)).collect()
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
    use super::*;

    #[test]
    fn a_name_is_that_of_the_check_and_the_folder() {
        assert_eq!(name_of(Path::new("/tmp/formwork-aB3.x/config-12")), "formwork_ab3x_config_12");
    }
}
