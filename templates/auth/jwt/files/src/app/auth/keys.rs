//! The issuer's keys as they are known now. A task of their own fetches them: at the start, at every
//! interval, and when a token names an unknown key. It spawns and selects although it stands in `app`,
//! because it is a client of somebody else's service, and goes when authentication goes.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};

use super::{key_set::KeySet, memo::Memo, source::Source};
use crate::external::http::Http;

/// The longest that a request waits for the fetch that its unknown key asked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Made-up key names must not become a flood at the issuer.
const COOLDOWN: Duration = Duration::from_secs(60);

/// After a failed fetch the next one waits this long, doubled with each failure up to `COOLDOWN`.
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// The keys as they are known now. Clones share them.
#[derive(Clone)]
pub(super) struct Keys {
    state: watch::Receiver<State>,
    wanted: Arc<Notify>,
}

/// A key set, and the tokens that it verified.
pub(super) struct Known {
    pub(super) key_set: KeySet,
    pub(super) memo: Memo,
    /// As it was fetched, to see whether the next one differs.
    document: Vec<u8>,
}

#[derive(Default)]
struct State {
    known: Option<Arc<Known>>,
    fetches: u64,
    /// Fetches since the last one that brought a key set.
    failures: u32,
    /// When a fetch last ended that a token had made.
    last_wanted: Option<Instant>,
}

impl Known {
    fn new(key_set: KeySet, document: Vec<u8>) -> Arc<Self> {
        Arc::new(Self {
            key_set,
            memo: Memo::default(),
            document,
        })
    }
}

impl Keys {
    /// Keys that never change.
    pub(super) fn fixed(key_set: KeySet) -> Self {
        Self::settled(Some(Known::new(key_set, Vec::new())))
    }

    /// None, now and later.
    pub(super) fn none() -> Self {
        Self::settled(None)
    }

    fn settled(known: Option<Arc<Known>>) -> Self {
        let (_, state) = watch::channel(State {
            known,
            ..State::default()
        });
        Self {
            state,
            wanted: Arc::default(),
        }
    }

    /// Loads the keys and keeps them fresh until the last clone is dropped. Only a file must be there now.
    pub(super) async fn follow(
        source: Source,
        http: Http,
        interval: Duration,
    ) -> anyhow::Result<Self> {
        let (sender, state) = watch::channel(State::default());
        let wanted = Arc::new(Notify::new());
        let follower = Follower {
            source,
            http,
            interval,
            sender,
            wanted: wanted.clone(),
        };
        match follower.fetch().await {
            Err(error) if matches!(follower.source, Source::File(_)) => return Err(error),
            fetched => follower.publish(fetched, false),
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the last clone of the keys"
        )]
        tokio::spawn(follower.run());
        Ok(Self { state, wanted })
    }

    pub(super) fn current(&self) -> Option<Arc<Known>> {
        self.state.borrow().known.clone()
    }

    /// The keys after a fetch, unless one was asked for within the last minute. All who ask while it runs
    /// wait for the same one, and for a short time only.
    pub(super) async fn renewed(&self) -> Option<Arc<Known>> {
        let mut state = self.state.clone();
        let fetches = {
            let state = state.borrow_and_update();
            if state.is_cooling() {
                return state.known.clone();
            }
            state.fetches
        };
        self.wanted.notify_one();
        timeout(PATIENCE, state.wait_for(|state| state.fetches > fetches))
            .await
            .ok();
        self.current()
    }
}

impl State {
    fn is_cooling(&self) -> bool {
        self.last_wanted
            .is_some_and(|wanted| wanted.elapsed() < COOLDOWN)
    }

    /// The same document keeps its memo.
    fn learn(&mut self, known: Arc<Known>) {
        let document = self.known.as_ref().map(|known| &known.document);
        if document != Some(&known.document) {
            let keys = known.key_set.len();
            tracing::info!(keys, "the key set is new: {keys} keys");
            self.known = Some(known);
        }
    }
}

struct Follower {
    source: Source,
    http: Http,
    interval: Duration,
    sender: watch::Sender<State>,
    wanted: Arc<Notify>,
}

impl Follower {
    async fn run(self) {
        let mut next = Instant::now() + self.pause();
        loop {
            let wanted = tokio::select! {
                () = sleep_until(next) => false,
                () = self.wanted.notified() => true,
                () = self.sender.closed() => return,
            };
            // Who asked while a fetch ran has its answer.
            if wanted && self.sender.borrow().is_cooling() {
                continue;
            }
            self.publish(self.fetch().await, wanted);
            next = Instant::now() + self.pause();
        }
    }

    fn pause(&self) -> Duration {
        match self.sender.borrow().failures {
            0 => self.interval,
            failures => {
                let doubled = FIRST_RETRY.saturating_mul(1 << (failures - 1).min(16));
                doubled.min(COOLDOWN).min(self.interval)
            }
        }
    }

    async fn fetch(&self) -> anyhow::Result<Arc<Known>> {
        let known = self.source.load(&self.http).await.and_then(|document| {
            let key_set = KeySet::parse(&document)?;
            Ok(Known::new(key_set, document))
        });
        known.with_context(|| format!("the key set at {}", self.source))
    }

    /// A failure changes nothing for the keys that are known.
    fn publish(&self, fetched: anyhow::Result<Arc<Known>>, wanted: bool) {
        self.sender.send_modify(|state| {
            state.fetches += 1;
            if wanted {
                state.last_wanted = Some(Instant::now());
            }
            match fetched {
                Ok(known) => {
                    state.failures = 0;
                    state.learn(known);
                }
                Err(error) => {
                    state.failures = state.failures.saturating_add(1);
                    let keys = state.known.as_ref().map_or(0, |known| known.key_set.len());
                    tracing::warn!(keys, "the keys stay as they are, {keys} known: {error:#}");
                }
            }
        });
    }
}
