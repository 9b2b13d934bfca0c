//! Finds what nobody was told of: jobs that have become due, and those whose news the broker has lost. One worker at a
//! time does so for all, and tells of the kind, not of the job: whoever hears of it takes what is due.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use uuid::Uuid;

use super::{Kind, reader, relay::JOBS, writer};
use crate::{
    app::state::App,
    data::{error::Error, jobs, outbox, turns},
};

const TURN: &str = "sweep";

/// After this, others take a sweeper for dead.
const LENGTH: Duration = Duration::from_secs(6);

/// How often the turn is renewed, and how often others ask for it.
const RENEWAL: Duration = Duration::from_secs(2);

struct Sweeper {
    app: App,
    id: Uuid,
    asked: Option<Instant>,
    /// Whether the turn is ours.
    is_ours: bool,
    swept: Option<Instant>,
}

/// Until the process drains.
pub(super) async fn run(app: App) {
    let mut sweeper = Sweeper {
        app: app.clone(),
        id: Uuid::now_v7(),
        asked: None,
        is_ours: false,
        swept: None,
    };
    while !app.lifecycle.is_draining() {
        if let Err(error) = sweeper.look().await {
            tracing::warn!(%error, "jobs that nobody was told of could not be looked for: {error}");
        }
        tokio::select! {
            () = sleep(app.config.jobs.poll_interval.min(RENEWAL)) => {}
            () = app.lifecycle.draining() => {}
        }
    }
    // Another one begins at once.
    if let Ok(mut connection) = writer(&app).await {
        turns::give_back(&mut connection, TURN, sweeper.id)
            .await
            .ok();
    }
}

impl Sweeper {
    async fn look(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if self.asked.is_none_or(|time| time.elapsed() >= RENEWAL) {
            self.is_ours = false;
            let mut connection = writer(&self.app).await?;
            self.is_ours = turns::take(&mut connection, TURN, self.id, LENGTH).await?;
            self.asked = Some(now);
        }
        let interval = self.app.config.jobs.poll_interval;
        if self.is_ours && self.swept.is_none_or(|time| time.elapsed() >= interval) {
            self.swept = Some(now);
            self.sweep().await?;
        }
        Ok(())
    }

    /// Tells of each kind that has a job due, unless the broker is about to be told of it.
    async fn sweep(&self) -> Result<(), Error> {
        for &kind in Kind::ALL {
            let (name, per_key) = (kind.name(), kind.concurrency_per_key());
            if jobs::is_due(&mut reader(&self.app).await?, name, per_key).await? {
                let (id, topic) = (Uuid::now_v7().to_string(), format!("{JOBS}{name}"));
                outbox::add_if_none(&mut writer(&self.app).await?, &id, &topic).await?;
                self.app.news.publish(kind);
            }
        }
        Ok(())
    }
}
