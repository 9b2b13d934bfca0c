//! Brings the news of jobs that the broker has, for as long as a worker of this process waits for it: who is busy leaves
//! it to others. Without it, workers find jobs when they look without news.

use std::time::Duration;

use tokio::{task::JoinSet, time::sleep};

use super::{Kind, message::Queue};
use crate::app::state::App;

/// The pause after a failure: for as long, the sweeper alone finds what others have added.
const PAUSE: Duration = Duration::from_secs(1);

/// Until the process drains.
pub(super) async fn run(app: App) {
    let mut kinds = JoinSet::new();
    for &kind in Kind::ALL {
        let app = app.clone();
        kinds.spawn(async move {
            tokio::select! {
                () = bring(&app, kind) => {}
                () = app.lifecycle.draining() => {}
            }
        });
    }
    kinds.join_all().await;
}

async fn bring(app: &App, kind: Kind) {
    loop {
        if let Err(error) = follow(app, kind).await {
            tracing::debug!(kind = kind.name(), "no news of jobs: {error:#}");
        }
        sleep(PAUSE).await;
    }
}

async fn follow(app: &App, kind: Kind) -> anyhow::Result<()> {
    let mut news = app.broker.subscribe(Queue::Jobs(kind)).await?;
    // Of what was added before, nobody may have told.
    app.news.wake(kind);
    loop {
        app.news.wanted(kind).await;
        let Some(told) = news.next().await? else {
            continue;
        };
        if app.news.is_wanted(kind) {
            app.news.wake(kind);
            told.take().await?;
        } else {
            told.leave(Duration::ZERO).await?;
        }
    }
}
