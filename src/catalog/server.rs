//! The server that an option needs: how it is found and started here, how it is reached, and what Compose is told.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    toml_file::line_of,
};

/// One recipe: checks, the tests of a project and its Compose file all follow it. docs/template-authors.md says what
/// each line means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// What Compose calls it, such as `broker`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Names the URL of one that runs already.
    pub variable: String,
    /// How it is reached, at `{host}` and `{port}`.
    pub url: String,
    /// What `start` calls; the last one is the server.
    pub programs: Vec<String>,
    /// Where they are looked for besides `PATH`.
    #[serde(default)]
    pub folders: Vec<String>,
    /// The oldest version that will do.
    pub oldest: Option<String>,
    /// For a shell: fails where something else is missing, and says what.
    pub fits: Option<String>,
    /// Whether it runs as root.
    #[serde(default = "yes")]
    pub root: bool,
    /// For a shell, on an empty `$folder` and a free `$port`.
    pub start: String,
    /// What it says once it serves.
    pub ready: String,
    #[serde(default)]
    pub stop: Stop,
    /// Commands that get it, one a package manager.
    pub install: Vec<String>,
    /// What the service is told of it, by variable.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// What a service under test is told besides, by variable: a machine that is busy is not to be taken for a server that
    /// is gone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub patience: BTreeMap<String, String>,
    /// What its tests need beside it.
    pub client: Option<Client>,
    pub image: Image,
}

/// Another client than the service's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// What people call it.
    pub title: String,
    /// For a shell: fails where it is not installed.
    pub there: String,
    /// The command that gets it.
    pub install: String,
}

/// The signal that stops a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Stop {
    #[default]
    Term,
    /// This one and the next are ignored when the server starts: for one that handles them itself.
    Int,
    Quit,
}

/// The server in a container.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// With its tag.
    pub name: String,
    /// Where it listens inside.
    pub port: u16,
    /// In place of the image's own.
    #[serde(default)]
    pub command: Vec<String>,
    /// Succeeds once it serves.
    pub healthy: Vec<String>,
    /// The folder that outlives the container.
    pub data: Option<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

impl Stop {
    /// As `kill -s` takes it.
    pub fn signal(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Int => "INT",
            Self::Quit => "QUIT",
        }
    }
}

/// The key, whether its value is as it must be, and what it must be.
type Demand = (&'static str, bool, &'static str);

/// What a project's Compose file calls its own.
const TAKEN: [&str; 2] = ["service", "data"];

impl Server {
    pub fn url_at(&self, host: &str, port: u16) -> String {
        self.url.replace("{host}", host).replace("{port}", &port.to_string())
    }

    /// What a service is told that has the server at `url`, and there, where servers are shared, a `name` of its own.
    pub fn settings_at(&self, url: &str, name: &str) -> Vec<(String, String)> {
        let fill = |pattern: &str| {
            let own = pattern.replace("{url/name}", &with_path(url, name));
            own.replace("{url}", url).replace("{name}", name)
        };
        self.settings.iter().map(|(variable, pattern)| (variable.clone(), fill(pattern))).collect()
    }

    /// Fails, with the line, where the recipe cannot be followed. It stands in `file`, which is `text`, from `offset` on.
    pub fn check(&self, file: &Path, text: &str, offset: usize) -> Result<()> {
        let Some((key, problem)) = self.problem() else { return Ok(()) };
        let key_of =
            |line: &str| line.trim_start().trim_start_matches('[').trim_start_matches("server.").to_owned();
        let rest = text.get(offset..).unwrap_or_default();
        let before = rest.lines().position(|line| key_of(line).starts_with(key)).unwrap_or_default();
        let error = Error::usage(format!("server `{}`: {problem}", self.name));
        Err(error.at(file, Some(line_of(text, offset) + before)))
    }

    /// The key, and what is wrong with its value.
    fn problem(&self) -> Option<(&'static str, String)> {
        let mut demands =
            self.names().into_iter().chain(self.program()).chain(self.client()).chain(self.container());
        let broken = demands.find(|(_, holds, _)| !holds);
        let broken = broken.map(|(key, _, problem)| (key, problem.to_owned()));
        broken.or_else(|| {
            let (key, text) = self.unquotable()?;
            Some((key, format!("{text:?} has a quote, a backslash or a line's end")))
        })
    }

    fn names(&self) -> [Demand; 5] {
        let (name, variable) = (&self.name, &self.variable);
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let is_plain = !name.is_empty() && name.bytes().all(is_plain);
        let is_variable = !variable.is_empty() && variable.bytes().all(is_capital);
        let is_url = ["://", "{host}", "{port}"].iter().all(|part| self.url.contains(part));
        let is_taken = TAKEN.contains(&name.as_str());
        let is_the_services = variable.starts_with("APP__");
        [
            ("name", is_plain, "its name has only a-z, 0-9 and -"),
            ("name", !is_taken, "this name is the service's own, or its volume's"),
            ("variable", is_variable, "a variable has only A-Z, 0-9 and _"),
            ("variable", !is_the_services, "this variable is read by tests, and APP__ is the service's"),
            ("url", is_url, "a URL has ://, {host} and {port}"),
        ]
    }

    fn program(&self) -> [Demand; 9] {
        let is_program = |name: &String| !name.is_empty() && !name.contains(['/', ' ']);
        let is_folder = |folder: &String| folder.starts_with('/') || folder.starts_with("~/");
        let is_version = |text: &String| text.split('.').all(|part| part.parse::<u32>().is_ok());
        let are_programs = !self.programs.is_empty() && self.programs.iter().all(is_program);
        let ends_text = |text: &String| text.contains("\"#");
        let takes_place = self.start.lines().any(|line| line.trim_start().starts_with("exec "));
        [
            ("programs", are_programs, "programs are listed by their names, without a folder"),
            ("folders", self.folders.iter().all(is_folder), "a folder starts with / or ~/"),
            ("oldest", self.oldest.iter().all(is_version), "a version is numbers with dots between them"),
            ("start", self.start.contains("$port"), "it is started on $port"),
            ("start", takes_place, "the server takes the shell's place with `exec`, to get its signal"),
            ("start", !ends_text(&self.start), "`\"#` cannot stand in it"),
            ("fits", !self.fits.iter().any(ends_text), "`\"#` cannot stand in it"),
            ("ready", !self.ready.trim().is_empty(), "what does it say once it is ready?"),
            ("install", !self.install.is_empty(), "how is it installed?"),
        ]
    }

    fn container(&self) -> [Demand; 3] {
        let says_something = |pattern: &String| pattern.contains("{url") || pattern.contains("{name}");
        let say_something = self.settings.values().all(says_something);
        [
            ("settings", say_something, "a setting has {url}, {url/name} or {name}"),
            ("healthy", !self.image.healthy.is_empty(), "what says that the container is healthy?"),
            ("port", self.image.port > 0, "a container listens on some port"),
        ]
    }

    fn client(&self) -> [Demand; 1] {
        let client = self.client.as_ref();
        let says_all =
            client.is_none_or(|client| !client.there.trim().is_empty() && !client.install.is_empty());
        [("client", says_all, "how is the client looked for, and how is it installed?")]
    }

    /// A text that cannot stand between quotes in the project's tests as it is.
    fn unquotable(&self) -> Option<(&'static str, &str)> {
        let lists = [("programs", &self.programs), ("folders", &self.folders), ("install", &self.install)];
        let texts = [("title", &self.title), ("url", &self.url), ("ready", &self.ready)];
        let client = self.client.iter().flat_map(|client| [&client.title, &client.install]);
        let texts = texts.into_iter().chain(client.map(|text| ("client", text)));
        let listed = lists.into_iter().flat_map(|(key, list)| list.iter().map(move |text| (key, text)));
        let mut all = texts.chain(listed);
        all.find(|(_, text)| text.contains(['"', '\\', '\n'])).map(|(key, text)| (key, text.as_str()))
    }
}

/// The URL with another path.
fn with_path(url: &str, path: &str) -> String {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = |marks: &[char], from: usize| url[from..].find(marks).map_or(url.len(), |at| from + at);
    let (begin, rest) = (end(&['/', '?', '#'], authority), end(&['?', '#'], authority));
    format!("{}/{path}{}", &url[..begin], &url[rest..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_replaced_and_the_rest_of_a_url_stays() {
        for (url, expected) in [
            ("a://u:p@h:1/b", "a://u:p@h:1/c"),
            ("a://h:1", "a://h:1/c"),
            ("a://h:1/b/d?x=/y", "a://h:1/c?x=/y"),
            ("a://h:1?x=y", "a://h:1/c?x=y"),
        ] {
            assert_eq!(with_path(url, "c"), expected);
        }
    }
}
