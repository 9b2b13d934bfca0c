//! Tests that prove the more the longer they run.

use std::env;

/// The variable's number, or what is usual where nobody has the time.
pub(crate) fn size(variable: &str, usual: usize) -> usize {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text:?}")),
        Err(_) => usual,
    }
}
