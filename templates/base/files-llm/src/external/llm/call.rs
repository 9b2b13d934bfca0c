//! One request to a provider as telemetry sees it, and what it costs. However it ends, also when whoever asked has
//! left, it is counted once.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::Span;

use super::{Error, Prompt, Usage, dialect::PROVIDER, embeddings, estimate};
use crate::{
    config,
    telemetry::gen_ai::{self, Operation},
};

pub(super) struct Call {
    config: Arc<config::Llm>,
    model: String,
    operation: Operation,
    span: Span,
    begun: Instant,
    usage: Usage,
    error: Option<&'static str>,
}

impl Call {
    pub(super) fn begin(model: &str, prompt: &Prompt, config: &Arc<config::Llm>) -> Self {
        let call = Self::new(Operation::Chat, model, Usage::of(prompt), config);
        if config.record_prompts {
            gen_ai::prompt(&call.span, &prompt.system, &prompt.user);
        }
        call
    }

    pub(super) fn embeddings(model: &str, texts: &[String], config: &Arc<config::Llm>) -> Self {
        let usage = Usage {
            input_tokens: texts.iter().map(|text| estimate(text)).sum(),
            is_estimated: true,
            ..Usage::default()
        };
        Self::new(Operation::Embeddings, model, usage, config)
    }

    fn new(operation: Operation, model: &str, usage: Usage, config: &Arc<config::Llm>) -> Self {
        Self {
            config: config.clone(),
            model: model.to_owned(),
            operation,
            span: gen_ai::span(operation, provider(operation), model),
            begun: Instant::now(),
            usage,
            // Until something else is known: whoever asked has left.
            error: Some("cancelled"),
        }
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// The first token is there.
    pub(super) fn begins_to_answer(&self) {
        gen_ai::first_chunk(&self.span, PROVIDER, &self.model, self.begun.elapsed());
    }

    /// A piece of the answer; `known` is what the provider has said of the usage so far, if it has.
    pub(super) fn received(&mut self, text: &str, known: Option<Usage>) {
        self.usage.output_tokens += estimate(text);
        if let Some(known) = known {
            self.usage.input_tokens = known.input_tokens;
            self.usage.cached_input_tokens = known.cached_input_tokens;
            self.usage.output_tokens = self.usage.output_tokens.max(known.output_tokens);
        }
    }

    pub(super) fn fail(&mut self, error: &Error) {
        self.error = Some(error.kind());
    }

    pub(super) fn succeed(&mut self, usage: Option<Usage>, finish_reason: Option<&str>) {
        self.error = None;
        self.usage = usage.unwrap_or(self.usage);
        if let Some(reason) = finish_reason {
            gen_ai::finished(&self.span, reason);
        }
    }

    fn duration(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// As telemetry names it. Embeddings need not come from whoever answers.
fn provider(operation: Operation) -> &'static str {
    match operation {
        Operation::Embeddings => embeddings::PROVIDER,
        Operation::Chat => PROVIDER,
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let cost = self.config.prices.cost(&self.model, self.usage);
        gen_ai::called(
            &self.span,
            &gen_ai::Call {
                operation: self.operation,
                provider: provider(self.operation),
                model: &self.model,
                error: self.error,
                duration: self.duration(),
                usage: self.usage,
                cost,
            },
        );
    }
}
