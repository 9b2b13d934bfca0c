//! The servers that tests need.

use std::env;

/// Where tests may make databases: `TEST_POSTGRES_URL`, of a user who may.
pub(crate) fn postgres() -> Option<String> {
    env::var("TEST_POSTGRES_URL").ok()
}

/// A transaction pooler before that server, if all tests are to go through it: `TEST_PGBOUNCER_URL`.
pub(crate) fn pgbouncer() -> Option<String> {
    env::var("TEST_PGBOUNCER_URL").ok()
}
