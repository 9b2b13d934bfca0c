//! A language model: a slow service of somebody else's that may be down, and that is paid by the token.
//!
//! `dialect` is what the provider's interface looks like; all else is the same for every provider.

mod call;
mod completion;
mod dialect;
mod embeddings;
pub mod prices;
mod reader;
mod sse;
mod wire;

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use tracing::Instrument as _;

use self::{
    call::Call, completion::Opened, embeddings::Client as EmbeddingsClient, reader::Reader,
    wire::Wire,
};
pub use self::{completion::Completion, embeddings::Embeddings};
pub use super::resilience::Error;
use super::resilience::{breaker::Breaker, bulkhead::Bulkhead, retry::Retries};
use crate::{config, edge::deadline::Deadline};

/// As telemetry names it.
const SERVICE: &str = "llm";

/// What is asked of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub system: String,
    pub user: String,
    /// The longest answer, which is also the dearest.
    pub max_tokens: u32,
}

/// What is paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Those from the provider's cache are among them.
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cached_input_tokens: u64,
    /// The provider did not say: the call was cut short, or it never says.
    pub is_estimated: bool,
}

/// Whether an answer that ended for this reason is all that the model had to say.
pub fn is_whole(finish_reason: Option<&str>) -> bool {
    finish_reason.is_none_or(|reason| !dialect::CUT_SHORT.contains(&reason))
}

impl Usage {
    /// What `prompt` takes before anything of its answer is there.
    pub fn of(prompt: &Prompt) -> Self {
        Self {
            input_tokens: estimate(&prompt.system) + estimate(&prompt.user),
            is_estimated: true,
            ..Self::default()
        }
    }

    /// What the embedding of `text` takes.
    pub fn of_text(text: &str) -> Self {
        Self {
            input_tokens: estimate(text),
            is_estimated: true,
            ..Self::default()
        }
    }
}

/// The client. There is one a process, and no other way to it than `External::llm`.
pub struct Llm {
    wire: Wire,
    config: Arc<config::Llm>,
    bulkhead: Bulkhead,
    retries: Retries,
    /// First choice first.
    models: Vec<String>,
    /// In the same order: one model of a provider may fail while another does not.
    breakers: Vec<Arc<Breaker>>,
    embeddings: EmbeddingsClient,
}

impl Llm {
    pub fn new(config: &config::Llm, embeddings: &config::Embeddings) -> anyhow::Result<Self> {
        let mut models = vec![config.model.clone()];
        models.extend(config.fallback_models.iter().cloned());
        let breaker = |model: &String| Arc::new(Breaker::new(SERVICE, model));
        Ok(Self {
            wire: Wire::new()?,
            config: Arc::new(config.clone()),
            bulkhead: Bulkhead::new(SERVICE, config.concurrency, config.queue_timeout),
            retries: Retries::new(SERVICE),
            breakers: models.iter().map(breaker).collect(),
            models,
            embeddings: EmbeddingsClient::new(embeddings, config),
        })
    }

    /// First choice first.
    pub fn models(&self) -> &[String] {
        &self.models
    }

    /// Returns once the first token is there, which `deadline` bounds; what comes after has times of its own. Until
    /// then a request that fails is made again, to the next model where there is no use in asking this one.
    pub async fn stream(&self, prompt: &Prompt, deadline: Deadline) -> Result<Completion, Error> {
        // In a box, which goes when the first token is there: a future keeps room for all that it ever waits for, and
        // whoever asks may go on with the answer for minutes.
        Box::pin(self.begin(prompt, deadline)).await
    }

    async fn begin(&self, prompt: &Prompt, deadline: Deadline) -> Result<Completion, Error> {
        let place = self.bulkhead.enter(deadline).await?;
        self.retries.earn();
        let mut failed = None;
        for (model, breaker) in self.models.iter().zip(&self.breakers) {
            if !self.may_ask_another(failed.as_ref(), deadline) {
                break;
            }
            let opened = self.retries.call(breaker, deadline, async || {
                self.open(model, prompt, deadline).await
            });
            match opened.await {
                Ok(opened) => return Ok(Completion::new(opened, place, breaker, &self.config)),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or(Error::Late))
    }

    /// Asking another model after one that failed is asking again, and is paid for from the same budget. One that was
    /// left alone cost nobody anything.
    fn may_ask_another(&self, failed: Option<&Error>, deadline: Deadline) -> bool {
        match failed {
            None | Some(Error::Resting(_)) => true,
            Some(_) => !deadline.has_passed() && self.retries.spend(),
        }
    }

    /// One request to one model, up to its first token.
    async fn open(
        &self,
        model: &str,
        prompt: &Prompt,
        deadline: Deadline,
    ) -> Result<Opened, Error> {
        let deadline = deadline.within(self.config.first_token_timeout);
        let mut call = Call::begin(model, prompt, &self.config);
        let opening = async {
            let request = self
                .wire
                .post(self.config.base_url.as_deref(), dialect::PATH)?;
            let request = dialect::question(request, &self.config, model, prompt);
            let response = self.wire.open(request, deadline).await?;
            let mut reader = Reader::new(response);
            let first = reader.piece().await?;
            Ok((reader, first))
        };
        let span = call.span();
        match within(deadline.remaining(), opening.instrument(span)).await {
            Ok((reader, first)) => Ok(Opened {
                call,
                reader,
                first,
            }),
            Err(error) => {
                call.fail(&error);
                Err(error)
            }
        }
    }
}

async fn within<T>(
    longest: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(longest, work).await.unwrap_or(Err(Error::Late))
}

/// Four characters are about a token in most languages of Europe; nearer is not known without the model's own
/// table.
fn estimate(text: &str) -> u64 {
    text.chars().count().div_ceil(4) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Config, Environment},
        external::http::Http,
    };

    #[tokio::test]
    async fn a_call_takes_little_room_of_who_asks() {
        let given = [("APP__ENVIRONMENT".to_owned(), "development".to_owned())];
        let (config, _) = Config::read(&mut Environment::new(given)).expect("it holds");
        // What a process has of TLS is there with its first client.
        Http::new().expect("a client");
        let llm = Llm::new(&config.llm, &config.embeddings).expect("a client");
        let prompt = Prompt {
            system: String::new(),
            user: String::new(),
            max_tokens: 1,
        };
        let deadline = Deadline::after(Duration::from_secs(1));
        assert!(size_of_val(&llm.stream(&prompt, deadline)) <= 256);
        assert!(size_of_val(&llm.embed(&[], deadline)) <= 256);
    }
}
