//! A job's handler at work, in a task of its own: a panic there must end the attempt, not the worker.

use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::{Done, Failure, Kind, Work};
use crate::{app::state::App, edge::stall, telemetry::metrics};

/// Runs it to its end, or until this is dropped.
pub(super) async fn run(
    app: &App,
    kind: Kind,
    mut work: Work,
    payload: String,
) -> Result<Done, Failure> {
    let handler = async move { stall::watch_job(kind.name(), kind.run(&mut work, &payload)).await };
    let task = app.lifecycle.spawn(handler.in_current_span());
    match AbortOnDropHandle::new(task).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => {
            metrics::panicked();
            Err(Failure::Retry("its handler panicked".to_owned()))
        }
        Err(error) => Err(Failure::Retry(error.to_string())),
    }
}
