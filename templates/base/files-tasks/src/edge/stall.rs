//! Finds handlers that block. Threads are few and shared: a handler that computes or waits without an
//! `.await` holds up every request and job that its thread would have served meanwhile, and nothing in its own
//! latency tells so. Seen is what the application does: in a request, a job, a stream, a durable answer, detached work.
//! What the edge does around it, and a worker's own steps, are not.

use std::{
    future::poll_fn,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use tokio::task_local;

use crate::telemetry::stalls;

/// Between two awaits a handler has work for microseconds, so this is far above what a busy machine adds.
const LONGEST_POLL: Duration = Duration::from_millis(100);

/// Whose steps are measured.
#[derive(Clone)]
enum Whose {
    Route(MatchedPath),
    Kind(&'static str),
    Nobodys,
}

impl Whose {
    fn name(&self) -> &str {
        match self {
            Self::Route(path) => path.as_str(),
            Self::Kind(name) => name,
            Self::Nobodys => "unmatched",
        }
    }
}

task_local! {
    static MEASURED: Whose;
}

/// Measures each step of a handler, from one `.await` to the next.
pub(super) async fn watch(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let whose = path.map_or(Whose::Nobodys, Whose::Route);
    timed(whose, next.run(request)).await
}

/// The same for a job's handler.
pub async fn watch_job<T>(kind: &'static str, work: impl Future<Output = T>) -> T {
    timed(Whose::Kind(kind), work).await
}

/// The same for what a handler leaves to others to drive on: a stream, an answer that is made to its end, detached work.
/// It is told of under the handler's name.
pub(super) fn watch_left<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let whose = MEASURED.try_with(Clone::clone);
    timed(whose.unwrap_or(Whose::Nobodys), work)
}

/// Runs `work`, and tells of each step that took too long. In a box: an async function has room twice for what it is given
/// and moves.
fn timed<T>(whose: Whose, work: impl Future<Output = T>) -> impl Future<Output = T> {
    let mut work = Box::pin(MEASURED.scope(whose.clone(), work));
    poll_fn(move |context| {
        // Else this step is a part of another, of which it is told once.
        let is_outermost = MEASURED.try_with(|_| ()).is_err();
        let begun = Instant::now();
        let step = work.as_mut().poll(context);
        let held = begun.elapsed();
        if is_outermost && held > LONGEST_POLL {
            report(whose.name(), held);
        }
        step
    })
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

/// What tests watch with.
#[cfg(test)]
pub(super) mod samples {
    use std::sync::{Arc, Mutex};

    use tracing::{
        Event, Subscriber,
        field::{Field, Visit},
        subscriber::DefaultGuard,
    };
    use tracing_subscriber::{Layer, Registry, layer, layer::SubscriberExt as _};

    use super::*;

    /// Too long for a step.
    pub(in crate::edge) const TIME: Duration = Duration::from_millis(300);

    pub(in crate::edge) fn block() {
        let begun = Instant::now();
        while begun.elapsed() < TIME {
            std::hint::spin_loop();
        }
    }

    /// The routes of which it was reported that they stalled.
    #[derive(Clone, Default)]
    pub(in crate::edge) struct Reported(Arc<Mutex<Vec<String>>>);

    impl Reported {
        /// Hears what is reported on this thread until the guard is dropped.
        pub(in crate::edge) fn listen() -> (Self, DefaultGuard) {
            let reported = Self::default();
            let subscriber = Registry::default().with(reported.clone());
            (reported, tracing::subscriber::set_default(subscriber))
        }

        pub(in crate::edge) fn routes(&self) -> Vec<String> {
            self.0.lock().expect("not poisoned").clone()
        }
    }

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
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use tokio::time::sleep;
    use tower::ServiceExt as _;

    use super::{
        samples::{Reported, TIME, block},
        *,
    };
    use crate::edge::events::{Event, Source};

    const TRIES: usize = 3;

    async fn ask(router: &Router, path: &str) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), 200);
    }

    #[tokio::test]
    async fn a_handler_that_blocks_is_named_and_one_that_waits_is_not() {
        let (reported, _guard) = Reported::listen();
        let router = Router::new()
            .route("/blocks/{id}", get(async || block()))
            .route("/waits/{id}", get(async || sleep(TIME).await))
            .layer(from_fn(watch));
        ask(&router, "/blocks/1").await;
        assert_eq!(reported.routes(), ["/blocks/{id}"]);
        // A busy machine may hold up a step of any handler, but hardly each time.
        for _ in 0..TRIES {
            ask(&router, "/waits/1").await;
        }
        let routes = reported.routes().into_iter();
        assert!(routes.filter(|route| route == "/waits/{id}").count() < TRIES);
    }

    /// Whoever takes its events drives it on, in a task of their own.
    #[tokio::test]
    async fn what_blocks_after_its_first_event_is_named_too() {
        let (reported, _guard) = Reported::listen();
        let (gives, mut given) = tokio::sync::mpsc::channel(1);
        let streams = async move || {
            let source: Source<()> = Source::new(|events| async move {
                events.send(Event::json("first", &1)).await;
                sleep(Duration::from_millis(1)).await;
                block();
                Ok(())
            });
            gives.send(source.begun().await.ok()).await.ok();
        };
        let router = Router::new()
            .route("/streams/{id}", get(streams))
            .layer(from_fn(watch));
        ask(&router, "/streams/1").await;
        // Nothing, unless the machine is busy.
        let before = reported.routes().len();
        let source = given.recv().await.flatten();
        let mut source = source.expect("a source");
        let reading = async move { while source.next().await.is_some() {} };
        tokio::spawn(reading).await.expect("no panic");
        let routes = reported.routes().split_off(before);
        let is_named = routes.iter().any(|route| route == "/streams/{id}");
        assert!(is_named, "{routes:?}");
    }

    #[test]
    fn what_is_watched_has_no_room_in_who_drives_it() {
        let large = async {
            let room = [0_u8; 4096];
            tokio::task::yield_now().await;
            std::hint::black_box(&room);
        };
        assert!(size_of_val(&large) >= 4096);
        assert!(size_of_val(&watch_left(large)) <= 64);
    }

    /// What it drives itself is a part of its own step.
    #[tokio::test]
    async fn what_blocks_before_its_first_event_is_told_of_once() {
        let (reported, _guard) = Reported::listen();
        let streams = async || {
            let source: Source<()> = Source::new(|_| async {
                block();
                Ok(())
            });
            source.begun().await.ok();
        };
        let router = Router::new()
            .route("/streams/{id}", get(streams))
            .layer(from_fn(watch));
        ask(&router, "/streams/1").await;
        assert_eq!(reported.routes(), ["/streams/{id}"]);
    }
}
