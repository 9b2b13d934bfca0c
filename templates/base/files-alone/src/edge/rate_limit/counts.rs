//! Who has asked how often: each instance counts for itself.

pub(super) use super::local::Local as Counts;
