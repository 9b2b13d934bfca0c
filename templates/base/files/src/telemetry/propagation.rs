//! W3C trace context and baggage, in from callers and out to the services that we call.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName};
use opentelemetry::{
    Context,
    propagation::{TextMapCompositePropagator, TextMapPropagator},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The header that names a span to the next service (W3C Trace Context, section 3.2).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

static PROPAGATOR: LazyLock<TextMapCompositePropagator> = LazyLock::new(|| {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
});

/// What the caller said of its trace; empty where it said nothing, or nothing that can be read.
pub fn extract(headers: &HeaderMap) -> Context {
    PROPAGATOR.extract_with_context(&Context::new(), &HeaderExtractor(headers))
}

/// Makes `span` a child of the caller's. Before the span is entered: after that its parent is settled.
pub fn adopt(span: &Span, headers: &HeaderMap) {
    // It fails where tracing is switched off; then there is no trace to be part of.
    span.set_parent(extract(headers)).ok();
}

/// Tells the next service which trace it is part of: that of the current span.
pub fn inject(headers: &mut HeaderMap) {
    let context = Span::current().context();
    PROPAGATOR.inject_context(&context, &mut HeaderInjector(headers));
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use opentelemetry::{
        baggage::BaggageExt as _,
        trace::{TraceContextExt as _, TracerProvider as _},
    };
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::{Registry, layer::SubscriberExt as _};

    use super::*;

    const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(traceparent: &'static str) -> HeaderMap {
        HeaderMap::from_iter([
            (
                "traceparent".parse().expect("a name"),
                HeaderValue::from_static(traceparent),
            ),
            (
                "baggage".parse().expect("a name"),
                HeaderValue::from_static("tier=gold"),
            ),
        ])
    }

    #[test]
    fn a_callers_context_comes_in_and_goes_out_again() {
        let context = extract(&headers(CALLER));
        assert!(context.span().span_context().is_remote());
        assert_eq!(
            context.baggage().get("tier").expect("baggage").as_str(),
            "gold"
        );

        let mut out = HeaderMap::new();
        PROPAGATOR.inject_context(&context, &mut HeaderInjector(&mut out));
        assert_eq!(out["traceparent"], CALLER);
        assert_eq!(out["baggage"], "tier=gold");
    }

    #[test]
    fn what_cannot_be_read_starts_a_new_trace() {
        let context = extract(&headers("00-zz-b7ad6b7169203331-01"));
        assert!(!context.span().span_context().is_valid());
    }

    #[test]
    fn the_next_service_is_told_the_current_span() {
        let tracer = SdkTracerProvider::builder().build().tracer("service");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let mut out = HeaderMap::new();
        tracing::subscriber::with_default(Registry::default().with(layer), || {
            let span = tracing::info_span!("request");
            adopt(&span, &headers(CALLER));
            span.in_scope(|| inject(&mut out));
        });
        let [_, trace, parent, _] = parts(out["traceparent"].to_str().expect("text"));
        let [_, callers_trace, callers_span, _] = parts(CALLER);
        assert_eq!(trace, callers_trace);
        assert_ne!(parent, callers_span);
        assert_eq!(out["baggage"], "tier=gold");
    }

    fn parts(traceparent: &str) -> [&str; 4] {
        let parts: Vec<&str> = traceparent.split('-').collect();
        parts.try_into().expect("four parts")
    }

    #[test]
    fn outside_a_span_nothing_is_injected() {
        let mut out = HeaderMap::new();
        inject(&mut out);
        assert!(out.is_empty());
    }
}
