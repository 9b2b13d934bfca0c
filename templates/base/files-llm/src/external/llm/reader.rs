//! The pieces of an answer as they arrive.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use reqwest::{Body, Response};
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
    body: Body,
    events: Events,
    reply: Reply,
}

impl Reader {
    pub(super) fn new(response: Response) -> Self {
        Self {
            // Without its head, which would hold the buffer that it was read into for as long as the answer goes on.
            body: response.into(),
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
                timeout(END, self.chunk()).await.ok();
                return Ok(None);
            }
            match self.chunk().await? {
                Some(bytes) => self.events.feed(&bytes)?,
                // Not every provider says the last word, but each says why it ended.
                None if self.reply.finish_reason.is_some() => self.reply.is_over = true,
                None => return Err(Error::Broken("it ended early".to_owned())),
            }
        }
    }

    /// The next bytes; none at the end of the body.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.body.frame().await {
            // Other frames are trailers, which say nothing here.
            if let Ok(bytes) = frame?.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}
