//! What goes through the broker, whichever it is: messages out, and where messages are received.

use super::Kind;

/// A message on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The same when it is sent again.
    pub id: &'a str,
    /// Such as `jobs.report`.
    pub topic: &'a str,
    pub body: &'a [u8],
    /// Of what is laid aside.
    pub reason: Option<&'a str>,
}

/// Why the broker does not have a message.
#[derive(Debug, thiserror::Error)]
pub enum Unsent {
    /// It is the message's fault: sent again, it would be refused again.
    #[error("the broker refuses it: {0}")]
    Refused(String),
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

/// What is received.
#[derive(Clone, Copy, Debug)]
pub enum Queue {
    /// The news of jobs of a kind.
    Jobs(Kind),
    /// The messages of other services.
    Inbox,
}
