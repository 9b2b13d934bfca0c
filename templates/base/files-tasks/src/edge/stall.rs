//! Finds handlers that block. Threads are few and shared: a handler that computes or waits without an
//! `.await` holds up every request and job that its thread would have served meanwhile, and nothing in its own
//! latency tells so.

use std::{
    future::poll_fn,
    pin::pin,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};

use crate::telemetry::stalls;

/// Between two awaits a handler has work for microseconds, so this is far above what a busy machine adds.
const LONGEST_POLL: Duration = Duration::from_millis(100);

/// Measures each step of a handler, from one `.await` to the next.
pub(super) async fn watch(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    timed(next.run(request), |held| report(route, held)).await
}

/// The same for a job's handler.
pub async fn watch_job<T>(kind: &str, work: impl Future<Output = T>) -> T {
    timed(work, |held| report(kind, held)).await
}

/// Runs `work` and tells how long each step took that was too long.
async fn timed<T>(work: impl Future<Output = T>, mut stalled: impl FnMut(Duration)) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        let begun = Instant::now();
        let step = work.as_mut().poll(context);
        let held = begun.elapsed();
        if held > LONGEST_POLL {
            stalled(held);
        }
        step
    })
    .await
}

fn report(route: &str, held: Duration) {
    stalls::stalled(route);
    let held_s = held.as_secs_f64();
    tracing::warn!(
        route,
        held_s,
        "{route} held its thread for {held_s:.3} s: move what computes to Context::compute, what blocks to spawn_blocking"
    );
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use tower::ServiceExt as _;
    use tracing::{
        Event, Subscriber,
        field::{Field, Visit},
    };
    use tracing_subscriber::{Layer, Registry, layer, layer::SubscriberExt as _};

    use super::*;

    /// The routes of which it was reported that they stalled.
    #[derive(Clone, Default)]
    struct Reported(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Reported {
        fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
            event.record(&mut &*self);
        }
    }

    impl Visit for &Reported {
        fn record_str(&mut self, field: &Field, value: &str) {
            if field.name() == "route" {
                self.0.lock().expect("not poisoned").push(value.to_owned());
            }
        }

        fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
    }

    fn block(time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn a_handler_that_blocks_is_named_and_one_that_waits_is_not() {
        const TIME: Duration = Duration::from_millis(300);
        let reported = Reported::default();
        let subscriber = Registry::default().with(reported.clone());
        let _guard = tracing::subscriber::set_default(subscriber);
        let router = Router::new()
            .route("/blocks/{id}", get(async || block(TIME)))
            .route("/waits/{id}", get(async || tokio::time::sleep(TIME).await))
            .layer(from_fn(watch));
        for path in ["/waits/1", "/blocks/1"] {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            let answer = router.clone().oneshot(request).await.expect("an answer");
            assert_eq!(answer.status(), 200);
        }
        assert_eq!(*reported.0.lock().expect("not poisoned"), ["/blocks/{id}"]);
    }
}
