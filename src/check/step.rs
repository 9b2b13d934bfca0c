//! The steps of a check, in the order in which they run.

use clap::ValueEnum;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// `cargo fmt --check`
    Fmt,
    /// Lints, denied on the toolchain that the project was proven with
    Clippy,
    /// What `cargo run` would build
    Build,
    /// `cargo test`, documentation tests included
    Test,
    /// Starts the service, waits until it is ready, stops it
    Boot,
    /// Tests the service's promises from outside
    Probe,
}

impl Step {
    pub const ALL: [Self; 6] = [Self::Fmt, Self::Clippy, Self::Build, Self::Test, Self::Boot, Self::Probe];

    pub fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Build => "build",
            Self::Test => "test",
            Self::Boot => "boot",
            Self::Probe => "probe",
        }
    }
}
