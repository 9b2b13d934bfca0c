//! A job's handler at work, on a thread of its own: a panic there must end the attempt, not the worker.

use super::{Done, Failure, Kind, Work};
use crate::{app::state::App, telemetry::metrics, threads::Broken};

/// Runs it to its end, or until this is dropped: then it is stopped.
pub(super) async fn run(
    app: &App,
    kind: Kind,
    mut work: Work,
    payload: String,
) -> Result<Done, Failure> {
    let Some(place) = app.threads.jobs(kind).enter().await else {
        // Each that a worker may do at once has one.
        let told = "handlers whose time is over still compute, and there is no other thread";
        return Err(Failure::Retry(told.to_owned()));
    };
    match place.begin(move || kind.run(&mut work, &payload)).await {
        Ok(outcome) => outcome,
        Err(Broken::Panicked(_)) => {
            metrics::panicked();
            Err(Failure::Retry("its handler panicked".to_owned()))
        }
        Err(Broken::NoThread(error)) => Err(Failure::Retry(format!("it got no thread: {error}"))),
        Err(Broken::Stopped) => Err(Failure::TakenAway),
    }
}
