//! Life after `new`: a project takes other answers or newer templates by a three-way merge.
//!
//! The base is the render that the project carries, never what git's history happens to give; ours is the commit that
//! is checked out; theirs is a new render. All is worked out in git's object store first, and written only then.

pub mod apply;
pub mod change;
pub mod diff;
pub mod drift;
pub mod followers;
mod guard;
mod lockfile;
mod manifest;
mod merge;
mod migrations;
pub mod notes;
pub mod owned;
mod record;
pub mod repository;
mod rust;
mod scratch;
pub mod standard;
mod swaps;

pub use self::{
    apply::{Applied, Interrupted, Made},
    change::{Change, Wish},
    followers::{Move, Settled},
    owned::Owned,
    repository::Repository,
    standard::{AsOf, Standard},
};
