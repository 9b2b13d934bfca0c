//! What holds for OpenAI, unless something else is set.

use super::{Embeddings, Environment, Llm};

/// An example: any service that speaks the same interface will do.
pub(super) const BASE_URL: &str = "https://api.openai.com/v1";

pub(super) const MODEL: &str = "gpt-5-mini";

/// In dollars for a million tokens, as published in 2026; check them.
pub(super) const PRICES: &str = "gpt-5-mini=0.25/2.00/0.025,text-embedding-3-small=0.02";

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
