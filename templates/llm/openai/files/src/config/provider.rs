//! What holds for OpenAI, unless something else is set.

use super::{Embeddings, Environment, Llm};

/// An example: any service that speaks the same interface will do.
pub(super) const BASE_URL: &str = "https://api.openai.com/v1";

pub(super) const MODEL: &str = "gpt-6-luna";

/// In dollars for a million tokens, as published in 2026; check them.
pub(super) const PRICES: &str = "gpt-6-luna=0.10/0.50/0.01,text-embedding-3-small=0.02";

/// What only models of this interface are told.
#[derive(Clone, Debug)]
pub struct Provider {
    /// How long a model that thinks does so before it answers; none where it is not told.
    pub reasoning_effort: Option<String>,
}

impl Provider {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let effort = environment.text("APP__LLM__REASONING_EFFORT", "none");
        Self {
            reasoning_effort: Some(effort).filter(|effort| !effort.is_empty()),
        }
    }
}

/// Where nothing is said of embeddings, they come from where the answers come from.
pub(super) fn embeddings(_: &mut Environment, embeddings: Embeddings, llm: &Llm) -> Embeddings {
    if embeddings.base_url.is_some() {
        return embeddings;
    }
    Embeddings {
        base_url: llm.base_url.clone(),
        api_key: embeddings.api_key.or_else(|| llm.api_key.clone()),
        ..embeddings
    }
}
