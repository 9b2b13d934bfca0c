//! A text as a vector: it is made once, when the first of those who need it asks, and paid for by the caller whose text
//! it is.

use super::{context::Context, spend};
use crate::edge::{deadline::Deadline, problem::Problem};

/// Of a text, such as a question.
pub struct Embedding {
    /// What it is paid for.
    route: &'static str,
    text: String,
    /// None until somebody needed it.
    vector: Option<Vec<f32>>,
}

impl Embedding {
    pub fn of(route: &'static str, text: &str) -> Self {
        Self {
            route,
            text: text.to_owned(),
            vector: None,
        }
    }

    /// The vector, by the model of the configuration. The model has until `deadline`, should it have to be asked;
    /// one that has failed is asked again by the next who needs it.
    pub fn vector(&mut self, context: &mut Context, deadline: Deadline) -> Result<&[f32], Problem> {
        let vector = match self.vector.take() {
            Some(vector) => vector,
            None => self.embed(context, deadline)?,
        };
        Ok(self.vector.insert(vector))
    }

    /// What that may cost is reserved before, and what it did cost is settled after, which nobody waits for: the vector
    /// is there. A second request beside one that takes long is ours to pay.
    fn embed(&self, context: &mut Context, deadline: Deadline) -> Result<Vec<f32>, Problem> {
        let spending = spend::reserve_embedding(context, self.route, &self.text)?;
        let text = [self.text.clone()];
        let embedded = context.external().embed(&text, deadline);
        let (mut spending, mut embeddings) = spending.begun(embedded)?;
        spending.used_for(&embeddings);
        drop(spending);
        let vector = embeddings.vectors.pop();
        vector.ok_or_else(|| Problem::internal(&"a text without an embedding"))
    }
}
