//! A job's handler at work, in a task of its own: a panic there must end the attempt, not the worker.

use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::{Done, Failure, Kind, Work};
use crate::{
    app::state::App,
    edge::{lifecycle::Lifecycle, stall},
    telemetry::metrics,
};

/// Runs it to its end, or until this is dropped.
pub(super) async fn run(
    app: &App,
    kind: Kind,
    mut work: Work,
    payload: String,
) -> Result<Done, Failure> {
    // As large as that of the largest kind: on the stack it would be copied at each step from here to its task.
    let handler =
        Box::pin(async move { stall::watch_job(kind.name(), kind.run(&mut work, &payload)).await });
    apart(&app.lifecycle, handler.in_current_span()).await
}

async fn apart<F>(lifecycle: &Lifecycle, handler: F) -> Result<Done, Failure>
where
    F: Future<Output = Result<Done, Failure>> + Send + 'static,
{
    let task = lifecycle.spawn(handler);
    match AbortOnDropHandle::new(task).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => {
            metrics::panicked();
            Err(Failure::Retry("its handler panicked".to_owned()))
        }
        Err(error) => Err(Failure::Retry(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::{sync::oneshot, time::timeout};

    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_attempt_and_nothing_else() {
        let ended = apart(&Lifecycle::default(), async { panic!("a mistake") }).await;
        let told = "its handler panicked".to_owned();
        assert_eq!(ended.err(), Some(Failure::Retry(told)));
    }

    #[tokio::test]
    async fn whoever_waits_no_longer_ends_it() {
        let (held, dropped) = oneshot::channel::<()>();
        let handler = async move {
            let _held = held;
            pending().await
        };
        let soon = Duration::from_millis(20);
        let waited = timeout(soon, apart(&Lifecycle::default(), handler)).await;
        assert!(waited.is_err());
        assert!(dropped.await.is_err());
    }
}
