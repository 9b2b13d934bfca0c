//! Brings what was committed to the broker: the news of jobs and the events of this service, in their order. One process
//! at a time does so, whichever has something first, and a message is removed when the broker says that it has it. Who
//! dies before that, or is cut off, leaves it to the next: it is told again, under the same id.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use uuid::Uuid;

use super::{broker::Broker, message::Message, reader, transact};
use crate::{
    app::state::App,
    data::{
        outbox::{self, Outgoing, Waiting},
        turns,
    },
};

pub const TURN: &str = "relay";

/// After this, others take a relay for dead.
const LENGTH: Duration = Duration::from_secs(20);

/// It begins nothing later than this: the broker may take a while to answer.
const BUSY: Duration = Duration::from_secs(5);

/// As many as are told in one turn.
const BATCH: u32 = 100;

/// Somebody else has the turn, and may have looked for the last time before this was there.
const SOON: Duration = Duration::from_millis(50);

/// News that has waited for longer says nothing new: the sweeper looks for what it would tell of.
const STALE: Duration = Duration::from_secs(60);

/// The topic of a job's news is this and its kind.
pub(super) const JOBS: &str = "jobs.";

/// Until the process closes; what is committed after that is told by others, or by whoever starts next.
pub async fn run(app: App) {
    let holder = Uuid::now_v7();
    let mut is_down = false;
    let mut goes_on = true;
    while goes_on {
        // Before the look: what is committed meanwhile must not wait.
        let committed = app.news.committed();
        let longest = app.config.jobs.poll_interval;
        let pause = async {
            tokio::select! {
                () = committed => {}
                () = sleep(longest) => {}
            }
        };
        let outcome = batch(&app, holder).await;
        if outcome.is_ok() && is_down {
            tracing::info!("messages are relayed again");
        }
        // Once, however long it lasts.
        if let Err(error) = &outcome
            && !is_down
        {
            tracing::warn!("messages cannot be relayed, and wait: {error:#}");
        }
        is_down = outcome.is_err();
        goes_on = match outcome {
            Ok(Turn::Told) => rest(&app, async {}).await,
            Ok(Turn::Taken) => rest(&app, sleep(SOON)).await,
            Ok(Turn::Idle) => rest(&app, pause).await,
            Err(_) => rest(&app, sleep(longest)).await,
        };
    }
}

/// Whether it goes on then.
async fn rest(app: &App, pause: impl Future<Output = ()>) -> bool {
    tokio::select! {
        biased;
        () = app.lifecycle.closed() => false,
        () = pause => true,
    }
}

/// What came of a look.
enum Turn {
    /// There is nothing to tell.
    Idle,
    /// Somebody else is at it.
    Taken,
    /// There may be more.
    Told,
}

async fn batch(app: &App, holder: Uuid) -> anyhow::Result<Turn> {
    if outbox::is_empty(&mut reader(app).await?).await? {
        return Ok(Turn::Idle);
    }
    let claimed = transact(app, async |transaction| {
        if turns::take(transaction, TURN, holder, LENGTH).await? {
            Ok(Some(outbox::claim(transaction, holder, BATCH).await?))
        } else {
            Ok(None)
        }
    })
    .await?;
    let Some(claimed) = claimed else {
        return Ok(Turn::Taken);
    };
    let (last, outcome) = tell(&app.broker, &claimed).await;
    transact(app, async |transaction| {
        outbox::remove(transaction, holder, last).await?;
        turns::give_back(transaction, TURN, holder).await
    })
    .await?;
    outcome.map(|()| Turn::Told)
}

/// One after the other, so that none comes before one that the broker does not have. The position of the last that it
/// has.
async fn tell(broker: &Broker, claimed: &[Waiting]) -> (i64, anyhow::Result<()>) {
    let begun = Instant::now();
    let mut last = 0;
    for waiting in claimed {
        if begun.elapsed() > BUSY {
            break;
        }
        if !is_stale(waiting) {
            let Outgoing { id, topic, body } = &waiting.message;
            let message = Message {
                id,
                topic,
                body: body.as_bytes(),
                reason: None,
            };
            if let Err(error) = broker.publish(&message).await {
                return (last, Err(error.context(topic.clone())));
            }
        }
        last = waiting.position;
    }
    (last, Ok(()))
}

fn is_stale(waiting: &Waiting) -> bool {
    let age = Duration::from_millis(u64::try_from(waiting.age).unwrap_or_default());
    waiting.message.topic.starts_with(JOBS) && age > STALE
}
