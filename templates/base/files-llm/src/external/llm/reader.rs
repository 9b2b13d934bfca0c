//! The pieces of an answer as they arrive.

use std::time::Duration;

use reqwest::Response;
use tokio::time::timeout;

use super::{Error, Usage, dialect, sse::Events};

/// How long the end of the body may take once the answer is whole: usually it is here already, and a connection that
/// saw its end serves the next call.
const END: Duration = Duration::from_millis(20);

/// What the provider has said of its answer so far.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) usage: Option<Usage>,
    pub(super) finish_reason: Option<String>,
    pub(super) is_over: bool,
}

pub(super) struct Reader {
    response: Response,
    events: Events,
    reply: Reply,
}

impl Reader {
    pub(super) fn new(response: Response) -> Self {
        Self {
            response,
            events: Events::default(),
            reply: Reply::default(),
        }
    }

    pub(super) fn reply(&self) -> &Reply {
        &self.reply
    }

    /// The next piece of text; none once the answer is whole.
    pub(super) async fn piece(&mut self) -> Result<Option<String>, Error> {
        loop {
            while let Some(event) = self.events.take() {
                if let Some(text) = dialect::read(&event, &mut self.reply)? {
                    return Ok(Some(text));
                }
            }
            if self.reply.is_over {
                timeout(END, self.response.chunk()).await.ok();
                return Ok(None);
            }
            match self.response.chunk().await? {
                Some(bytes) => self.events.feed(&bytes)?,
                // Not every provider says the last word, but each says why it ended.
                None if self.reply.finish_reason.is_some() => self.reply.is_over = true,
                None => return Err(Error::Broken("it ended early".to_owned())),
            }
        }
    }
}
