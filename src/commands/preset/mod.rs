//! `formwork preset`: what a team does with its presets.

mod check;
mod list;
mod lock;
mod new;
mod schema;
mod show;

use crate::{
    cli::{Preset, PresetAction},
    error::{Result, Status},
};

pub(super) fn run(arguments: &Preset) -> Result<Status> {
    match &arguments.action {
        PresetAction::New(arguments) => new::run(arguments),
        PresetAction::List(arguments) => list::run(arguments),
        PresetAction::Show(arguments) => show::run(arguments),
        PresetAction::Check(arguments) => check::run(arguments),
        PresetAction::Lock(arguments) => lock::run(arguments),
        PresetAction::Schema => schema::run(),
    }
}
