//! Brings the news of jobs that other processes add, as the database tells of them. Without it, workers find them when
//! they look without news.

use std::time::Duration;

use tokio::time::sleep;

use super::Kind;
use crate::{app::state::App, data::error::Error};

/// How long after the database has ceased to tell it is asked to again.
const RETRY: Duration = Duration::from_secs(1);

/// Until the process drains.
pub(super) async fn bring(app: App) {
    while !app.lifecycle.is_draining() {
        if let Err(error) = follow(&app).await {
            tracing::warn!(%error, "the database does not tell of jobs: {error}");
        }
        tokio::select! {
            () = sleep(RETRY) => {}
            () = app.lifecycle.draining() => {}
        }
    }
}

/// Ends when nothing is told any more.
async fn follow(app: &App) -> Result<(), Error> {
    let Some(mut notices) = app.database.notices().await? else {
        app.lifecycle.draining().await;
        return Ok(());
    };
    // Of what was added before, nobody has told.
    Kind::ALL.iter().for_each(|kind| app.news.publish(*kind));
    loop {
        let told = tokio::select! {
            told = notices.next() => told?,
            () = app.lifecycle.draining() => return Ok(()),
        };
        let Some(name) = told else {
            return Ok(());
        };
        let kind = Kind::ALL.iter().find(|kind| kind.name() == name);
        // That of a newer release is for its workers.
        if let Some(kind) = kind {
            app.news.publish(*kind);
        }
    }
}
