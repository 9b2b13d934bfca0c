//! An answer while it is produced. Dropping it ends the call at once: on HTTP/1.1 its connection is closed, which
//! every provider and every proxy notices.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Error, Usage, call::Call, reader::Reader, within};
use crate::{
    app::context::External,
    config,
    external::resilience::{breaker::Breaker, bulkhead::Place},
};

pub struct Completion {
    /// None once it was given out.
    first: Option<String>,
    reader: Reader,
    call: Call,
    breaker: Arc<Breaker>,
    token_timeout: Duration,
    end: Instant,
    is_over: bool,
    /// Among the calls that may run at once.
    _place: Place,
}

/// An answer of which the first token is there.
pub(super) struct Opened {
    pub(super) call: Call,
    pub(super) reader: Reader,
    pub(super) first: Option<String>,
}

impl Completion {
    pub(super) fn new(
        opened: Opened,
        place: Place,
        breaker: &Arc<Breaker>,
        config: &config::Llm,
    ) -> Self {
        let Opened {
            call,
            reader,
            first,
        } = opened;
        call.begins_to_answer();
        Self {
            first,
            reader,
            token_timeout: config.token_timeout,
            end: call.begun() + config.total_timeout,
            call,
            breaker: breaker.clone(),
            is_over: false,
            _place: place,
        }
    }

    /// The model that answers, as it is called in the configuration.
    pub fn model(&self) -> &str {
        self.call.model()
    }

    /// The next piece of text; none once the answer is whole. An error is final: what came before it stays half
    /// an answer, and nobody begins anew in its place. `_external` shows that nothing is held meanwhile.
    pub async fn next(&mut self, _external: &External<'_>) -> Result<Option<String>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let next = match self.first.take() {
            Some(first) => Ok(Some(first)),
            None if self.is_late() => return Err(self.give_up()),
            None => within(self.patience(), self.reader.piece()).await,
        };
        match &next {
            Ok(Some(text)) => self.call.received(text, self.reader.reply().usage),
            Ok(None) => self.end(),
            Err(error) => {
                self.is_over = true;
                self.call.fail(error);
                self.breaker.broke_off();
            }
        }
        next
    }

    /// The provider's count once the answer is whole, an estimate before.
    pub fn usage(&self) -> Usage {
        self.call.usage()
    }

    pub fn finish_reason(&self) -> Option<&str> {
        self.reader.reply().finish_reason.as_deref()
    }

    fn end(&mut self) {
        self.is_over = true;
        self.breaker.was_whole();
        let reply = self.reader.reply();
        self.call
            .succeed(reply.usage, reply.finish_reason.as_deref());
    }

    /// Whoever reads so slowly holds a place that others wait for, however much there is to read.
    fn is_late(&self) -> bool {
        Instant::now() >= self.end
    }

    /// That was not the model's fault.
    fn give_up(&mut self) -> Error {
        self.is_over = true;
        self.call.fail(&Error::Late);
        Error::Late
    }

    /// How long the next piece may take.
    fn patience(&self) -> Duration {
        let left = self.end.saturating_duration_since(Instant::now());
        left.min(self.token_timeout)
    }
}
