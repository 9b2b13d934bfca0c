//! What is asked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::{
    body::{Fields, FromFields},
    retrieval::MOST_NAMED,
};

/// More is a document, and not a question.
const LONGEST: usize = 4_000;

/// A question to be answered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Question {
    #[serde(rename = "question")]
    #[schema(min_length = 1, max_length = 4_000)]
    pub text: String,
    /// The documents that the answer is to draw on.
    #[serde(default)]
    #[schema(max_items = 8)]
    pub documents: Vec<Uuid>,
}

impl FromFields for Question {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            text: fields.text("question", 1, LONGEST),
            documents: fields.ids("documents", MOST_NAMED),
        }
    }
}
