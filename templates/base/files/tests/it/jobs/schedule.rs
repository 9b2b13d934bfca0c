//! What the clock asks for: once, however many ask for it, and as it says where nobody was there to ask.

use std::time::Duration;

use service::{
    app::state::App,
    data::jobs::{State, desk},
    jobs::{
        Kind,
        schedule::{Missed, Schedule},
    },
};
use temp_dir::TempDir;
use tokio::task::JoinSet;

use super::{beside, connection};

const INSTANCES: u64 = 4;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Three in the morning of some day.
const TICK: Duration = Duration::from_secs(20_000 * 24 * 3_600 + 3 * 3_600);

const NIGHTLY: Schedule = Schedule {
    name: "nightly",
    kind: Kind::Purge,
    period: DAY,
    offset: Duration::from_secs(3 * 3_600),
    missed: Missed::Skip,
};

async fn ticks(app: &App, schedule: Schedule, now: Duration) -> bool {
    schedule.tick(app, now).await.expect("an answer")
}

async fn queued(app: &App) -> usize {
    let mut connection = connection(&app.database).await;
    let jobs = desk::list(&mut connection, State::Queued, 100).await;
    jobs.expect("a list").len()
}

/// Their clocks differ, and none knows of the others.
#[tokio::test]
async fn however_many_instances_tick_it_is_one_job() {
    let folder = TempDir::new().expect("a folder");
    let mut instances = Vec::new();
    for _ in 0..INSTANCES {
        instances.push(beside(&folder).await);
    }
    for day in 0..3 {
        let mut ticking = JoinSet::new();
        for (late, app) in (0..).zip(&instances) {
            let (app, now) = (app.clone(), TICK + DAY * day + SECOND * late);
            ticking.spawn(async move { ticks(&app, NIGHTLY, now).await });
        }
        let added = ticking.join_all().await;
        assert_eq!(added.iter().filter(|is_new| **is_new).count(), 1);
        assert_eq!(queued(&instances[0]).await, day as usize + 1);
    }
}

#[tokio::test]
async fn what_was_missed_is_left_out() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder).await;
    assert!(!ticks(&app, NIGHTLY, TICK + SECOND * 61).await);
    assert!(!ticks(&app, NIGHTLY, TICK + HOUR * 23).await);
    assert!(ticks(&app, NIGHTLY, TICK + DAY + SECOND * 59).await);
    assert_eq!(queued(&app).await, 1);
}

/// Three nights without a worker are one job.
#[tokio::test]
async fn what_was_missed_is_made_up_for_once() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder).await;
    let caught_up = Schedule {
        missed: Missed::CatchUp,
        ..NIGHTLY
    };
    let late = TICK + DAY * 3 + HOUR * 10;
    assert!(ticks(&app, caught_up, late).await);
    assert!(!ticks(&app, caught_up, late + HOUR).await);
    assert_eq!(queued(&app).await, 1);
    assert!(ticks(&app, caught_up, TICK + DAY * 4).await);
}

/// Its job may have been purged, and would be done again.
#[tokio::test]
async fn what_was_missed_long_ago_is_left_out() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder).await;
    let weekly = Schedule {
        period: DAY * 7,
        offset: Duration::ZERO,
        missed: Missed::CatchUp,
        ..NIGHTLY
    };
    let week = DAY * 7 * 2_857;
    assert!(!ticks(&app, weekly, week + DAY * 4).await);
    assert!(ticks(&app, weekly, week + DAY * 3).await);
}
