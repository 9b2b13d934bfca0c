//! The language model is a slow service of somebody else's that may be down, and that is paid by the token. The
//! simulator takes its place.

mod answers;
mod embeddings;
mod resilience;
mod simulator;

use std::time::Duration;

use service::{
    app::context::Context,
    edge::deadline::Deadline,
    external::llm::{Completion, Error, Llm, Prompt},
    simulator::{Rule, Simulator},
};
use uuid::Uuid;

use crate::support::Server;

/// Far beyond what a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service, the way to the model as it is configured there, and the provider that is asked.
struct Asking {
    server: Server,
    llm: Llm,
    provider: Simulator,
}

impl Asking {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let provider = Simulator::start().await.expect("a simulator");
        let base_url = provider.base_url();
        let mut given = vec![
            ("APP__LLM__BASE_URL", base_url.as_str()),
            ("APP__EMBEDDINGS__BASE_URL", base_url.as_str()),
        ];
        given.extend(variables);
        Self::between(Server::with(&given).await, provider)
    }

    /// A service that asks somebody else than `provider`.
    async fn of(server: Server) -> Self {
        let provider = Simulator::start().await.expect("a simulator");
        Self::between(server, provider)
    }

    fn between(server: Server, provider: Simulator) -> Self {
        let config = &server.app.config;
        let llm = Llm::new(&config.llm, &config.embeddings).expect("a client");
        Self {
            server,
            llm,
            provider,
        }
    }

    /// From now on the provider behaves like this.
    fn provider_does(&self, rules: &str) {
        let rules = Rule::parse_all(rules).expect("rules");
        self.provider.play(rules);
    }

    fn context(&self) -> Context {
        let deadline = Deadline::after(PATIENCE);
        Context::of_job(&self.server.app, "ada", Uuid::now_v7(), deadline)
    }

    async fn ask(&self, question: &str) -> Result<Completion, Error> {
        self.ask_within(PATIENCE, question).await
    }

    async fn ask_within(&self, longest: Duration, question: &str) -> Result<Completion, Error> {
        let deadline = Deadline::after(longest);
        self.llm.stream(&prompt(question), deadline).await
    }

    /// All that comes, and the error that it ends with, if it does.
    async fn rest(&self, completion: &mut Completion) -> (Vec<String>, Option<Error>) {
        let mut context = self.context();
        let external = context.external();
        let mut pieces = Vec::new();
        loop {
            match completion.next(&external).await {
                Ok(Some(piece)) => pieces.push(piece),
                Ok(None) => return (pieces, None),
                Err(error) => return (pieces, Some(error)),
            }
        }
    }
}

fn prompt(question: &str) -> Prompt {
    Prompt {
        system: "Answer from what is given.".to_owned(),
        user: format!("Parcels are returned within thirty days.\n{question}"),
        max_tokens: 100,
    }
}
