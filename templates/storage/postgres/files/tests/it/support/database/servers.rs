//! The servers that tests need.

use std::env;

/// Where tests may make databases: `TEST_POSTGRES_URL`, of a user who may.
pub(crate) fn postgres() -> Option<String> {
    env::var("TEST_POSTGRES_URL").ok()
}
