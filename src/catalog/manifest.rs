//! The files of the catalog as they are written: `slots.toml` and `part.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::server::Server;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotsFile {
    #[serde(default)]
    pub(super) slot: Vec<Spanned<SlotEntry>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotEntry {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) question: String,
    pub(super) layer: Layer,
    pub(super) default: Spanned<String>,
    #[serde(default)]
    pub(super) database: bool,
}

/// Where the picture of a service draws a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    Edge,
    App,
    Data,
    Async,
}

impl Layer {
    pub const ALL: [Self; 4] = [Self::Edge, Self::App, Self::Data, Self::Async];

    pub fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::App => "app",
            Self::Data => "data",
            Self::Async => "async",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PartFile {
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) tradeoff: String,
    #[serde(default = "last_in_order")]
    pub(super) order: u32,
    #[serde(default)]
    pub(super) requires: Vec<RuleEntry>,
    #[serde(default)]
    pub(super) conflicts: Vec<RuleEntry>,
    #[serde(default)]
    pub(super) dependencies: BTreeMap<String, Dependency>,
    #[serde(default)]
    pub(super) dev_dependencies: BTreeMap<String, Dependency>,
    #[serde(default)]
    pub(super) env: Vec<Spanned<Variable>>,
    #[serde(default)]
    pub(super) files: Vec<FilesEntry>,
    pub(super) server: Option<Spanned<Server>>,
    #[serde(default)]
    pub(super) latency: Vec<Latency>,
    #[serde(default)]
    pub(super) commands: Commands,
    #[serde(default)]
    pub(super) notes: Notes,
}

fn last_in_order() -> u32 {
    100
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleEntry {
    pub(super) condition: Spanned<String>,
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilesEntry {
    pub(super) dir: Spanned<String>,
    pub(super) when: Option<Spanned<String>>,
    pub(super) left: Option<Spanned<String>>,
}

/// A crate that a part uses; its version stands in `dependencies/Cargo.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// The features that *are* the option.
    #[serde(default)]
    pub features: Vec<String>,
}

/// One configuration variable of the generated service.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default)]
    pub choices: Vec<String>,
    pub default: Option<String>,
    #[serde(default)]
    pub required: Required,
    pub example: Option<String>,
    pub doc: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Text,
    Integer,
    Boolean,
    Duration,
    Bytes,
    Address,
    Url,
    Path,
    List,
    Choice,
    Secret,
}

/// Where the service refuses to start without a variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Required {
    #[default]
    Never,
    Production,
    Always,
}

/// The typical time of one operation, for the latency budget.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    pub operation: String,
    pub p50: String,
    pub p99: String,
}

/// What the owner of a new project types next; a later part of the plan replaces an earlier one's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    pub run: Option<String>,
    pub request: Option<String>,
    pub test: Option<String>,
}

/// What `formwork set` leaves to the owner: data to move, servers to start or to stop. A sentence each.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notes {
    /// When a project takes the option.
    #[serde(default)]
    pub taken: Vec<String>,
    /// When it has another one from now on.
    #[serde(default)]
    pub left: Vec<String>,
}

/// `build-seconds.toml`: measured, never guessed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildSeconds {
    /// The machine of the measurement, for people.
    #[serde(default)]
    pub machine: String,
    /// Its cores, to scale by.
    #[serde(default)]
    pub cores: Option<u32>,
    /// A whole check of a project whose crates are compiled already.
    #[serde(default)]
    pub later: Option<f64>,
    /// By part: the base's is a whole cold check without what stands below it, an option's is what its crates add.
    #[serde(default)]
    pub seconds: BTreeMap<String, f64>,
    /// By option: how many crates are compiled that not all options of its slot bring. A lock file names more than that, for
    /// it does not know which features and systems are asked for.
    #[serde(default)]
    pub crates: BTreeMap<String, i64>,
}
