//! Where the tests' jobs run: `TEST_JOBS_ISOLATION=process cargo test --test it jobs` gives each attempt a process of its
//! own, for which nothing else may change.

use std::env;

/// The setting that says so, if it is to be another than the default.
pub(crate) fn setting() -> Option<(&'static str, &'static str)> {
    match env::var("TEST_JOBS_ISOLATION").as_deref() {
        Ok("process") => Some(("APP__JOBS__ISOLATION", "process")),
        Ok(other) => panic!("TEST_JOBS_ISOLATION is {other:?}: expected process"),
        Err(_) => None,
    }
}
