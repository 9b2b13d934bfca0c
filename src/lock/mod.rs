//! An exact `Cargo.lock` for every plan, without a registry and without cargo.
//!
//! `templates/lock.toml` is the lock of all parts together, in which each package and each edge names the
//! parts that need it. The lock of a plan is what its parts need, printed by cargo's rules.
//! Reachability would not do: an optional dependency that another part switched on would stay.

mod cargo_lock;
mod master;
mod parts;
mod seed;

pub use self::{
    cargo_lock::{CargoLock, Locked},
    master::{Direct, Edge, Master, Package},
    parts::{PartSet, Parts},
    seed::{Prefer, seed},
};
