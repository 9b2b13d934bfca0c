//! The language model, for as long as nothing is held.

use super::External;
use crate::{
    edge::deadline::Deadline,
    external::llm::{Completion, Embeddings, Error, Prompt},
    threads::wait,
};

impl<'context> External<'context> {
    /// The models that answer, first choice first.
    pub fn models(&self) -> &'context [String] {
        self.clients.llm.models()
    }

    /// Begins an answer. Its first token is there within the deadline; what comes after has times of its own.
    pub fn stream(&self, prompt: &Prompt) -> Result<Completion, Error> {
        wait(self.clients.llm.stream(prompt, self.deadline))
    }

    /// The next piece of an answer's text; none once it is whole. An error is final.
    pub fn next(&self, completion: &mut Completion) -> Result<Option<String>, Error> {
        wait(completion.next(self))
    }

    /// Vectors of these texts, in their order, by `deadline`.
    pub fn embed(&self, texts: &[String], deadline: Deadline) -> Result<Embeddings, Error> {
        wait(self.clients.llm.embed(texts, deadline))
    }
}
