//! Brings what was committed to the broker: the news of jobs and the events of this service, each in their order. One process
//! at a time does so, whichever has something first, and a message is removed when the broker says that it has it. Who
//! dies before that, or is cut off, leaves it to the next: it is told again, under the same id.

mod rest;
mod told;

use std::{convert::Infallible, time::Duration};

use tokio::time::{sleep, timeout};
use uuid::Uuid;

pub(super) use self::rest::Rest;
use self::told::tell;
use super::{reader, transact, writer};
use crate::{
    app::state::App,
    data::{error::Error, outbox, turns},
    telemetry::broker as metrics,
};

pub const TURN: &str = "relay";

/// After this, others take a relay for dead.
const LENGTH: Duration = Duration::from_secs(5);

/// How often one says that it lives.
const RENEWAL: Duration = Duration::from_secs(1);

/// It begins nothing later than this, so that what the broker has is removed.
const BUSY: Duration = Duration::from_secs(5);

/// As many of news, and of events, as are told in one turn.
const BATCH: u32 = 100;

/// Who has the turn looks again before it rests. So this is for when it dies, or fails.
const LOOK: Duration = Duration::from_secs(1);

/// The pause after a failure. Others look meanwhile: it may be this process alone that cannot reach the broker.
const RETRY: Duration = Duration::from_secs(2);

/// After a failure events are let be. Some of their readers may have what another one's queue refuses, and have it once
/// more at each attempt. News of jobs goes on meanwhile.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// What is at hand when the process closes has so long to be told.
const MOMENT: Duration = Duration::from_millis(500);

/// News that has waited for longer says nothing new: the sweeper looks for what it would tell of.
const STALE: Duration = Duration::from_secs(60);

/// The topic of a job's news is this and its kind.
pub(super) const JOBS: &str = "jobs.";

/// Until the process closes; what is committed after that is told by others, or by whoever starts next.
pub async fn run(app: App) {
    let end = async {
        app.lifecycle.closed().await;
        sleep(MOMENT).await;
    };
    tokio::select! {
        () = relay(&app) => {}
        () = end => {}
    }
}

async fn relay(app: &App) {
    let holder = Uuid::now_v7();
    let longest = app.config.jobs.poll_interval;
    let mut events = Rest::default();
    let mut is_down = false;
    let mut goes_on = true;
    while goes_on {
        // Before the look: what is committed meanwhile must not wait.
        let committed = app.news.committed();
        let outcome = batch(app, holder, &mut events).await;
        is_down = log(&outcome, is_down, &events);
        let rest = async {
            match outcome {
                Ok(Turn::Told(_)) => {}
                Ok(Turn::Rests(left)) => pause(left.min(longest), committed).await,
                Ok(Turn::Taken(left)) => pause(left.min(LOOK), committed).await,
                Ok(Turn::Idle) => pause(longest, committed).await,
                Err(_) => sleep(RETRY).await,
            }
        };
        goes_on = tokio::select! {
            biased;
            () = app.lifecycle.closed() => false,
            () = rest => true,
        };
    }
}

async fn pause(longest: Duration, committed: impl Future<Output = ()>) {
    timeout(longest, committed).await.ok();
}

/// Whether the broker is down as far as this process knows, which says so once, however long it lasts.
fn log(outcome: &anyhow::Result<Turn>, is_down: bool, events: &Rest) -> bool {
    match outcome {
        Err(error) => {
            metrics::relay_failed();
            if !is_down {
                tracing::warn!("messages cannot be relayed, and wait: {error:#}");
            }
            true
        }
        Ok(Turn::Told(1..)) if !events.follows_failure() => {
            if is_down {
                tracing::info!("messages are relayed again");
            }
            false
        }
        // Nothing waits any more: others have told it, or it was too old.
        Ok(Turn::Idle) => false,
        // Events are let be, or somebody else is at it: whether they would be taken, this one does not know.
        Ok(_) => is_down,
    }
}

/// What came of a look.
enum Turn {
    /// There is nothing to tell.
    Idle,
    /// Somebody else is at it, for so long if it lives no longer.
    Taken(Duration),
    /// So much, and there may be more.
    Told(usize),
    /// Events wait for so long, and there is no news.
    Rests(Duration),
}

async fn batch(app: &App, holder: Uuid, events: &mut Rest) -> anyhow::Result<Turn> {
    let rest = events.left();
    if let Some(turn) = look(app, holder, rest).await? {
        if let Turn::Idle = turn {
            *events = Rest::default();
        }
        return Ok(turn);
    }
    let of_events = if rest.is_some() { 0 } else { BATCH };
    let claimed = transact(app, async |transaction| {
        if !turns::take(transaction, TURN, holder, LENGTH).await? {
            return Ok(None);
        }
        outbox::drop_old_news(transaction, STALE).await?;
        Ok(Some(
            outbox::claim(transaction, holder, BATCH, of_events).await?,
        ))
    })
    .await?;
    let Some(claimed) = claimed else {
        return Ok(Turn::Taken(LOOK));
    };
    let told = tokio::select! {
        told = tell(&app.broker, &claimed) => told,
        never = keep_turn(app, holder) => match never {},
    };
    if told.events.is_some() {
        events.begin(FIRST_REST, LONGEST_REST);
    } else if told.has_settled_events() {
        *events = Rest::default();
    }
    transact(app, async |transaction| {
        told.write(transaction, holder).await?;
        turns::give_back(transaction, TURN, holder).await
    })
    .await?;
    let count = told.count;
    match (told.failure(), rest) {
        (Some(error), _) => Err(error),
        (None, Some(left)) if claimed.is_empty() => Ok(Turn::Rests(left)),
        (None, _) => Ok(Turn::Told(count)),
    }
}

/// How much waits, for whoever watches over it.
pub(super) async fn measure(app: &App) -> Result<(), Error> {
    let depth = outbox::depth(&mut reader(app).await?).await?;
    metrics::outbox(&depth);
    Ok(())
}

/// Why there is no turn to take, if there is none. It only reads: events that `rest` cost whoever commits nothing.
async fn look(app: &App, holder: Uuid, rest: Option<Duration>) -> Result<Option<Turn>, Error> {
    let mut connection = reader(app).await?;
    let waits = outbox::waits(&mut connection).await?;
    match (waits.news, rest) {
        (false, _) if !waits.events => return Ok(Some(Turn::Idle)),
        (false, Some(left)) => return Ok(Some(Turn::Rests(left))),
        _ => {}
    }
    let left = turns::left(&mut connection, TURN, holder).await?;
    Ok(left.map(Turn::Taken))
}

/// The broker may take a while to answer. Where the turn is lost all the same, others tell the same under the same ids.
async fn keep_turn(app: &App, holder: Uuid) -> Infallible {
    loop {
        sleep(RENEWAL).await;
        if let Ok(mut connection) = writer(app).await {
            let kept = turns::take(&mut connection, TURN, holder, LENGTH);
            kept.await.ok();
        }
    }
}
