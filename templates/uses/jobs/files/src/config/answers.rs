//! Answers of the language model.

use super::Environment;

#[derive(Clone, Debug)]
pub struct Answers {
    /// The longest answer.
    pub max_tokens: u32,
}

impl Answers {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            max_tokens: environment.count("APP__ANSWERS__MAX_TOKENS", "1024"),
        }
    }
}
