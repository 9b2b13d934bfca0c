//! Which language model is asked, how long it may take and what it costs.

use std::time::Duration;

use super::{
    Environment, Secret,
    provider::{self, Provider},
};
use crate::external::llm::prices::Prices;

#[derive(Clone, Debug)]
pub struct Llm {
    /// None in development: a simulator inside this process answers.
    pub base_url: Option<String>,
    pub api_key: Option<Secret>,
    pub model: String,
    /// Asked in this order when the first cannot answer.
    pub fallback_models: Vec<String>,
    /// How many calls run at once in this instance.
    pub concurrency: u32,
    /// The longest that a call waits for one of these places.
    pub queue_timeout: Duration,
    /// The longest time to the first token, of one attempt.
    pub first_token_timeout: Duration,
    /// The longest silence after it.
    pub token_timeout: Duration,
    /// The longest that an answer takes.
    pub total_timeout: Duration,
    pub prices: Prices,
    /// Prompts are put on the spans of their calls.
    pub record_prompts: bool,
    pub provider: Provider,
}

/// Where texts become vectors.
#[derive(Clone, Debug)]
pub struct Embeddings {
    pub base_url: Option<String>,
    pub api_key: Option<Secret>,
    pub model: String,
    pub dimensions: u32,
}

impl Llm {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let prices: Vec<String> = environment.value("APP__LLM__PRICES", provider::PRICES);
        let llm = Self {
            base_url: base_url(environment, "APP__LLM__BASE_URL"),
            api_key: environment.secret("APP__LLM__API_KEY"),
            model: environment.text("APP__LLM__MODEL", provider::MODEL),
            fallback_models: environment.value("APP__LLM__FALLBACK_MODELS", ""),
            concurrency: environment.count("APP__LLM__CONCURRENCY", "64"),
            queue_timeout: environment.duration("APP__LLM__QUEUE_TIMEOUT", "500ms"),
            first_token_timeout: environment.duration("APP__LLM__FIRST_TOKEN_TIMEOUT", "15s"),
            token_timeout: environment.duration("APP__LLM__TOKEN_TIMEOUT", "10s"),
            total_timeout: environment.duration("APP__LLM__TOTAL_TIMEOUT", "120s"),
            prices: Prices::parse(&prices).unwrap_or_else(|entry| {
                environment.rule(false, || {
                    format!(
                        "APP__LLM__PRICES has {entry:?}: expected model=input/output/cached in dollars \
                         for a million tokens, such as small=0.25/2.00/0.025"
                    )
                });
                Prices::default()
            }),
            record_prompts: environment.choice(
                "APP__LLM__RECORD_PROMPTS",
                "false",
                &[("false", false), ("true", true)],
            ),
            provider: Provider::read(environment),
        };
        llm.check(environment);
        llm
    }

    fn check(&self, environment: &mut Environment) {
        environment.required_in_production(
            "APP__LLM__BASE_URL",
            self.base_url.is_some(),
            "only development has a simulator that answers in the model's place",
        );
        environment.required_in_production(
            "APP__LLM__API_KEY",
            self.api_key.is_some(),
            "the provider knows you by it; for one that asks for none, any text will do",
        );
        environment.rule(!self.model.is_empty(), || {
            "APP__LLM__MODEL must not be empty".to_owned()
        });
        environment.rule(self.token_timeout <= self.total_timeout, || {
            "APP__LLM__TOKEN_TIMEOUT must not be longer than APP__LLM__TOTAL_TIMEOUT".to_owned()
        });
        for model in [&self.model].into_iter().chain(&self.fallback_models) {
            priced(environment, &self.prices, model);
        }
    }
}

impl Embeddings {
    pub(super) fn read(environment: &mut Environment, llm: &Llm) -> Self {
        let embeddings = Self {
            base_url: base_url(environment, "APP__EMBEDDINGS__BASE_URL"),
            api_key: environment.secret("APP__EMBEDDINGS__API_KEY"),
            model: environment.text("APP__EMBEDDINGS__MODEL", "text-embedding-3-small"),
            dimensions: environment.count("APP__EMBEDDINGS__DIMENSIONS", "512"),
        };
        priced(environment, &llm.prices, &embeddings.model);
        provider::embeddings(environment, embeddings, llm)
    }
}

/// Without the slash at its end, if it has one.
fn base_url(environment: &mut Environment, name: &'static str) -> Option<String> {
    let url: Option<String> = environment.optional(name);
    let url = url.filter(|url| !url.is_empty())?;
    let url = url.trim_end_matches('/').to_owned();
    let is_http = url.starts_with("https://") || url.starts_with("http://");
    let is_url = is_http && url.parse::<reqwest::Url>().is_ok();
    environment.rule(is_url, || {
        format!(
            "{name} is {url:?}: expected a URL such as {}",
            provider::BASE_URL
        )
    });
    Some(url)
}

/// What has no price would be outside of every limit.
fn priced(environment: &mut Environment, prices: &Prices, model: &str) {
    environment.rule(prices.has(model), || {
        format!(
            "APP__LLM__PRICES has no price for {model}: no limit of spending would hold for it; \
             {model}=0 says that it is free"
        )
    });
}
