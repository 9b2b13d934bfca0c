//! Requests on connections that stay open: at a fixed rate, or as fast as they are answered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use http_body_util::BodyExt as _;
use tokio::{
    sync::{
        Mutex,
        mpsc::{self, UnboundedReceiver},
    },
    task::JoinSet,
};

use crate::{
    Result, Target,
    client::Connection,
    figures::{now, tell},
};

#[derive(clap::Args, Clone)]
pub(crate) struct Pace {
    /// Requests a second, whatever the service does: one that slows down is not asked less. Left out, each connection
    /// asks again as soon as it is answered
    #[arg(long)]
    rate: Option<u32>,
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    #[arg(long, default_value_t = 16)]
    connections: usize,
}

/// What is asked for.
#[derive(Clone)]
pub(crate) enum Request {
    Read { path: String },
    Write { path: String, body: String },
}

impl Request {
    /// Whether it was answered with success.
    async fn run(&self, connection: &mut Connection, number: u64) -> Result<bool> {
        let response = match self {
            Self::Read { path } => connection.get(path).await?,
            Self::Write { path, body } => {
                let key = format!("write-{number}-{}", now().as_nanos());
                connection.post(path, body.clone(), key).await?
            }
        };
        let is_success = response.status().is_success();
        response.into_body().collect().await?;
        Ok(is_success)
    }
}

/// By name: how long each took, and how many failed.
#[derive(Default)]
struct Outcome {
    times: BTreeMap<&'static str, Vec<Duration>>,
    failed: BTreeMap<&'static str, u64>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        for (name, times) in other.times {
            self.times.entry(name).or_default().extend(times);
        }
        for (name, failed) in other.failed {
            *self.failed.entry(name).or_default() += failed;
        }
    }
}

impl Pace {
    /// Asks for what is in `mix`, one after the other and over again, and prints the figures of each name in it.
    pub(crate) async fn run(&self, target: &Target, mix: Vec<(&'static str, Request)>) -> Result<()> {
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(Connection::open(target).await?);
        }
        let (begun, turns, mix) = (Instant::now(), self.turns(), Arc::new(mix));
        let mut askers = JoinSet::new();
        for connection in connections {
            askers.spawn(ask(connection, turns.clone(), mix.clone()));
        }
        let mut all = Outcome::default();
        while let Some(outcome) = askers.join_next().await {
            all.add(outcome?);
        }
        let seconds = begun.elapsed().as_secs_f64();
        println!("per_second {:.1}", all.times.values().map(Vec::len).sum::<usize>() as f64 / seconds);
        for (name, times) in all.times {
            println!("{name}_failed {}", all.failed.get(name).copied().unwrap_or_default());
            tell(name, times);
        }
        Ok(())
    }

    fn turns(&self) -> Turns {
        match self.rate {
            Some(rate) => Turns::at(rate, self.seconds),
            None => Turns::Free {
                next: Arc::default(),
                end: Instant::now() + Duration::from_secs(self.seconds.into()),
            },
        }
    }
}

/// When the next request is due.
#[derive(Clone)]
enum Turns {
    Fixed(Arc<Mutex<UnboundedReceiver<(u64, Instant)>>>),
    Free { next: Arc<AtomicU64>, end: Instant },
}

impl Turns {
    /// From a thread of its own, whose sleep is exact to some 50 µs; the runtime's is to a millisecond.
    fn at(rate: u32, seconds: u32) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        thread::spawn(move || {
            let begun = Instant::now();
            for number in 0..rate * seconds {
                let due = begun + Duration::from_secs(number.into()) / rate;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if sender.send((number.into(), due)).is_err() {
                    return;
                }
            }
        });
        Self::Fixed(Arc::new(Mutex::new(receiver)))
    }

    /// The number of the request and when it is due; none once the time is over.
    async fn next(&self) -> Option<(u64, Instant)> {
        match self {
            Self::Fixed(turns) => turns.lock().await.recv().await,
            Self::Free { next, end } => {
                let now = Instant::now();
                (now < *end).then(|| (next.fetch_add(1, Ordering::Relaxed), now))
            }
        }
    }
}

async fn ask(mut connection: Connection, turns: Turns, mix: Arc<Vec<(&'static str, Request)>>) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some((number, due)) = turns.next().await {
        let (name, request) = &mix[(number % mix.len() as u64) as usize];
        let is_success = request.run(&mut connection, number).await.unwrap_or(false);
        let times = outcome.times.entry(name).or_default();
        if is_success {
            // From when it was due: waiting for a free connection, or for the load itself, is waiting too.
            times.push(due.elapsed());
        } else {
            *outcome.failed.entry(name).or_default() += 1;
        }
    }
    outcome
}
