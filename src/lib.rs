//! formwork pours a complete Rust backend service from a few answers and proves what it poured.
//!
//! Data flows one way: flags, preset and wizard become [`answers::Answers`], answers become a
//! [`catalog::Plan`], the plan becomes a [`render::Tree`], the tree becomes a project on disk
//! ([`project`]), and [`check`] reports on it. Everything up to and including the tree is pure.

pub mod answers;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod error;
pub mod estimate;
pub mod evidence;
pub mod interrupt;
pub mod life;
pub mod lock;
pub mod preset;
pub mod project;
pub mod render;
pub mod resolver;
pub mod shell;
pub mod toml_file;
pub mod wizard;

/// This tool's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The Rust version that the templates are proven with.
pub const TOOLCHAIN: &str = env!("FORMWORK_TOOLCHAIN");
