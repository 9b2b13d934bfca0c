//! Jobs that the clock asks for. Every worker ticks, and the tick's time makes the job's id: however many
//! they are, and however their clocks differ, there is one job a tick.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};
use tokio::time::timeout;
use uuid::{Builder, Uuid};

use super::{Kind, writer};
use crate::{
    app::state::App,
    data::{
        error::Error,
        jobs::{self, NewJob},
    },
};

const HOUR: Duration = Duration::from_secs(3600);

/// A tick is missed when no worker was there for this long after it.
const PUNCTUAL: Duration = Duration::from_secs(60);

/// What the clock asks for.
const SCHEDULES: [Schedule; 1] = [Schedule {
    name: "purge",
    kind: Kind::Purge,
    period: HOUR,
    offset: Duration::ZERO,
    missed: Missed::Skip,
}];

/// What is done about a tick that came while no worker was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Nothing: the next one comes soon enough.
    Skip,
    /// The last one that was missed is made up for, once.
    CatchUp,
}

/// A job of `kind`, without a tenant, whose payload is `null`.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Part of the jobs' ids, so it never changes.
    pub name: &'static str,
    pub kind: Kind,
    /// Between two ticks, counted from 1970 in UTC: a period of 24 hours ticks at midnight.
    pub period: Duration,
    /// How long after that it ticks.
    pub offset: Duration,
    pub missed: Missed,
}

/// Ticks until the process drains.
pub(super) async fn run(app: App) {
    loop {
        for schedule in SCHEDULES {
            if let Err(error) = schedule.tick(&app, since_1970()).await {
                let name = schedule.name;
                tracing::warn!(name, %error, "the tick of {name} could not be written: {error}");
            }
        }
        let now = since_1970();
        let next = SCHEDULES.iter().map(|schedule| schedule.next(now)).min();
        let pause = next.map_or(PUNCTUAL, |next| next.saturating_sub(now));
        // A clock that was set meanwhile is noticed in time.
        let pause = pause.min(PUNCTUAL / 2);
        if timeout(pause, app.lifecycle.draining()).await.is_ok() {
            return;
        }
    }
}

impl Schedule {
    /// Adds the job of the last tick before `now`, unless it is there, or was missed and is not made up for.
    /// Whether it was added.
    pub async fn tick(self, app: &App, now: Duration) -> Result<bool, Error> {
        let last = self.last(now);
        let late = now.saturating_sub(last);
        // What was purged must not come back.
        let longest = match self.missed {
            Missed::Skip => PUNCTUAL,
            Missed::CatchUp => app.config.jobs.retention / 2,
        };
        if late > longest {
            return Ok(false);
        }
        let job = NewJob {
            id: self.id(last),
            tenant: "",
            kind: self.kind.name(),
            payload: "null",
            priority: 0,
            delay: Duration::ZERO,
            max_attempts: self.kind.max_attempts(),
            dedupe_key: None,
            traceparent: None,
        };
        let is_new = jobs::add(&mut writer(app).await?, &job).await?;
        if is_new {
            app.news.publish(self.kind);
        }
        Ok(is_new)
    }

    fn last(self, now: Duration) -> Duration {
        let since = now.saturating_sub(self.offset).as_millis() / self.period.as_millis();
        self.period
            .saturating_mul(u32::try_from(since).unwrap_or(u32::MAX))
            + self.offset
    }

    fn next(self, now: Duration) -> Duration {
        self.last(now) + self.period
    }

    fn id(self, tick: Duration) -> Uuid {
        let text = format!("{}@{}", self.name, tick.as_millis());
        let digest = digest(&SHA256, text.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_ref()[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

fn since_1970() -> Duration {
    // A clock before 1970 is wrong by itself.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn at(hour: u64, minute: u64) -> Duration {
        DAY * 20_000 + Duration::from_secs(hour * 3600 + minute * 60)
    }

    #[test]
    fn a_day_ticks_at_its_hour() {
        let nightly = Schedule {
            period: DAY,
            offset: HOUR * 3,
            ..SCHEDULES[0]
        };
        assert_eq!(nightly.last(at(3, 0)), at(3, 0));
        assert_eq!(nightly.last(at(2, 59)) + DAY, at(3, 0));
        assert_eq!(nightly.next(at(2, 59)), at(3, 0));
        assert_eq!(nightly.next(at(3, 0)), at(27, 0));
    }

    #[test]
    fn each_tick_of_each_schedule_has_an_id_of_its_own() {
        let other = Schedule {
            name: "other",
            ..SCHEDULES[0]
        };
        let ids = [
            SCHEDULES[0].id(at(1, 0)),
            SCHEDULES[0].id(at(2, 0)),
            other.id(at(1, 0)),
        ];
        assert_eq!(ids[0], SCHEDULES[0].id(at(1, 0)));
        assert!(ids[0] != ids[1] && ids[0] != ids[2]);
    }
}
