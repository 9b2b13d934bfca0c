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

/// What is received.
#[derive(Clone, Copy, Debug)]
pub enum Queue {
    /// The news of jobs of a kind.
    Jobs(Kind),
    /// The messages of other services.
    Inbox,
}
