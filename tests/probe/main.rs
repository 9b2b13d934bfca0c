//! The probe against services that keep their promises, and against ones that are broken on purpose.

mod broken;
#[path = "../shared/debian.rs"]
mod debian;
mod kept;
mod page;
mod sample;
mod source;
mod variant;
mod workshop;
