//! The key of a kept answer. It cannot be made without saying whose it is, and everything that changes an answer is
//! part of it, so no two requests that could be answered differently share one.
//!
//! ```compile_fail,E0061
//! # use service::data::answer_cache::{Asked, Key};
//! # let asked = Asked::default();
//! // No scope: does not compile.
//! let key = Key::new(&asked);
//! ```

use ring::digest::{SHA256, digest};
use uuid::Uuid;

use crate::data::cache_key::{CacheKey, Scope};

pub type Digest = [u8; 32];

/// Everything that changes an answer, except whose it is. What is added to a request's prompt, or to how it is
/// answered, is added here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Those that may answer, first choice first.
    pub models: &'a [String],
    /// What the model is told before the question.
    pub system: &'a str,
    pub question: &'a str,
    pub max_tokens: u32,
    /// What the model may call.
    pub tools: &'a [String],
    /// The documents that the answer draws on, in their order, each in its version.
    pub documents: &'a [(Uuid, i64)],
    /// What of them the model is given, in that order: of a long one it is a part, and not always the same.
    pub passages: &'a [String],
}

/// Where an answer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Of everything but the question.
    pub scope: Digest,
    /// Of the question.
    pub question: Digest,
}

impl Key {
    pub fn new(scope: Scope<'_>, asked: &Asked<'_>) -> Self {
        let documents: Vec<String> = asked
            .documents
            .iter()
            .map(|(id, version)| format!("{id}/{version}"))
            .collect();
        let dimensions = [
            &list(asked.models),
            asked.system,
            &asked.max_tokens.to_string(),
            &list(asked.tools),
            &list(&documents),
            &list(asked.passages),
        ];
        let scope = CacheKey::new(scope, "answer", &dimensions);
        Self {
            scope: sha256(scope.as_str()),
            question: sha256(asked.question),
        }
    }
}

/// As one text; lengths keep its items apart.
fn list(items: &[String]) -> String {
    items
        .iter()
        .map(|item| format!("{}:{item}", item.len()))
        .collect()
}

fn sha256(text: &str) -> Digest {
    let mut bytes = Digest::default();
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}
