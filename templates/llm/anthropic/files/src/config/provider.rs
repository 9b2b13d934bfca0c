//! What holds for Anthropic, unless something else is set.

use super::{Embeddings, Environment, Llm};

/// An example: any service that speaks the same interface will do.
pub(super) const BASE_URL: &str = "https://api.anthropic.com/v1";

pub(super) const MODEL: &str = "claude-haiku-4-5";

/// In dollars for a million tokens, as published in 2026; check them.
pub(super) const PRICES: &str = "claude-haiku-4-5=1.00/5.00/0.10,text-embedding-3-small=0.02";

/// What only its models are told: nothing.
#[derive(Clone, Debug)]
pub struct Provider;

impl Provider {
    pub(super) fn read(_: &mut Environment) -> Self {
        Self
    }
}

/// Anthropic has no embeddings, so they come from somebody else.
pub(super) fn embeddings(
    environment: &mut Environment,
    embeddings: Embeddings,
    _: &Llm,
) -> Embeddings {
    environment.required_in_production(
        "APP__EMBEDDINGS__BASE_URL",
        embeddings.base_url.is_some(),
        "texts become vectors at a service that speaks OpenAI's interface",
    );
    environment.required_in_production(
        "APP__EMBEDDINGS__API_KEY",
        embeddings.api_key.is_some(),
        "that service knows you by it; for one that asks for none, any text will do",
    );
    embeddings
}
