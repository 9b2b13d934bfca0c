//! The language model, for as long as nothing is held.

use super::External;
use crate::{
    edge::deadline::Deadline,
    external::llm::{Completion, Embeddings, Error, Prompt},
};

impl<'context> External<'context> {
    /// The models that answer, first choice first.
    pub fn models(&self) -> &'context [String] {
        self.clients.llm.models()
    }

    /// Begins an answer. Its first token is there within the deadline; what comes after has times of its own.
    pub async fn stream(&self, prompt: &Prompt) -> Result<Completion, Error> {
        self.clients.llm.stream(prompt, self.deadline).await
    }

    /// The next piece of an answer's text; none once it is whole. An error is final.
    pub async fn next(&self, completion: &mut Completion) -> Result<Option<String>, Error> {
        completion.next(self).await
    }

    /// Vectors of these texts, in their order, by `deadline`.
    pub async fn embed(&self, texts: &[String], deadline: Deadline) -> Result<Embeddings, Error> {
        self.clients.llm.embed(texts, deadline).await
    }
}
