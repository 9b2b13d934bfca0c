//! Tests a service's promises from outside: it knows promises, not paths. Which endpoint carries which
//! promise stands in the service's OpenAPI document (docs/promises.md).

pub mod asking;
pub mod claims;
pub mod client;
pub mod dialect;
pub mod events;
pub mod expect;
pub mod inbound;
pub mod leash;
pub mod otlp;
pub mod p01_stateless;
pub mod p02_timeouts;
pub mod p03_idempotency;
pub mod p04_streaming;
pub mod p05_jobs;
pub mod p06_isolation;
pub mod p07_resilience;
pub mod p08_cost;
pub mod p09_cache;
pub mod p10_telemetry;
pub mod p11_security;
pub mod p12_operations;
pub mod port;
pub mod service;
pub mod subject;
pub mod token;
pub mod upstream;

use std::{
    fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use self::{
    claims::{Claims, Operation},
    service::Launch,
    subject::Subject,
};
use super::{
    report::{Case, CaseOutcome},
    services::Settings,
};
use crate::{
    error::{Error, Result},
    interrupt::Interrupt,
};

/// What a check of a promise finds: all as expected, or sentences that say what was seen and expected.
pub type Finding<T = ()> = std::result::Result<T, String>;

/// Promises are mostly waited for, so more of them run at once than there are cores.
const WORKERS: usize = 6;
const TICK: Duration = Duration::from_millis(50);

/// One promise that can be tested from outside.
struct Promise {
    id: &'static str,
    title: &'static str,
    check: fn(&Subject) -> Finding,
}

/// The longest first: that one decides when all are done.
const PROMISES: [Promise; 12] = [
    Promise { id: "P7", title: "resilience", check: p07_resilience::check },
    Promise { id: "P3", title: "idempotency", check: p03_idempotency::check },
    Promise { id: "P10", title: "telemetry", check: p10_telemetry::check },
    Promise { id: "P4", title: "streaming", check: p04_streaming::check },
    Promise { id: "P5", title: "jobs", check: p05_jobs::check },
    Promise { id: "P12", title: "operations", check: p12_operations::check },
    Promise { id: "P6", title: "isolation", check: p06_isolation::check },
    Promise { id: "P11", title: "security", check: p11_security::check },
    Promise { id: "P2", title: "timeouts", check: p02_timeouts::check },
    Promise { id: "P8", title: "cost", check: p08_cost::check },
    Promise { id: "P1", title: "stateless", check: p01_stateless::check },
    Promise { id: "P9", title: "cache", check: p09_cache::check },
];

/// Both checks at once, where each mostly waits.
fn both(one: impl FnOnce() -> Finding + Send, other: impl FnOnce() -> Finding) -> Finding {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let one = one.join().unwrap_or_else(|_| Err("a check of this promise panicked".to_owned()));
        expect::all([other, one])
    })
}

/// Where the probe works.
pub struct Place<'a> {
    pub binary: &'a Path,
    /// An empty folder for the instances' data.
    pub scratch: &'a Path,
    /// An existing folder for the instances' logs.
    pub logs: &'a Path,
    /// What instances are told of the servers that they need.
    pub servers: &'a Settings,
}

/// Tests every promise that is claimed. One case a promise, in the order of their numbers.
pub fn run(place: &Place, interrupt: &Interrupt, on_done: &dyn Fn(usize, usize)) -> Result<Vec<Case>> {
    let prepared = fs::create_dir_all(place.logs)
        .map_err(|error| format!("cannot make {}: {error}", place.logs.display()))
        .and_then(|()| read_claims(place));
    let claims = match prepared {
        Ok(claims) => claims,
        Err(reason) => return Ok(vec![broken("claims", format!("`openapi`: {reason}"))]),
    };
    let subject = match Subject::new(place, &claims, interrupt) {
        Ok(subject) => subject,
        Err(reason) => return Ok(vec![broken("configuration", reason)]),
    };
    let mut cases = check_all(&subject, on_done);
    if interrupt.is_raised() {
        return Err(Error::interrupted());
    }
    cases.extend(unknown_claims(&claims));
    cases.sort_by_key(|case| number(&case.name));
    Ok(cases)
}

fn read_claims(place: &Place) -> Finding<Claims> {
    let launch = Launch {
        binary: place.binary.to_owned(),
        data: service::empty_folder(place.scratch, "openapi")?,
        log: place.logs.join("probe-openapi.log"),
        servers: place.servers.clone(),
        variables: Vec::new(),
    };
    Claims::read(subject::run(launch.command(&["openapi"]))?.as_bytes())
}

fn check_all(subject: &Subject, on_done: &dyn Fn(usize, usize)) -> Vec<Case> {
    let (next, done, cases) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(promise) = PROMISES.get(next.fetch_add(1, Ordering::Relaxed)) {
            let case = promise.case(subject);
            cases.lock().unwrap_or_else(PoisonError::into_inner).push(case);
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            if subject.interrupt.is_raised() {
                // Every request of every promise fails at once, and so every worker ends.
                next.store(PROMISES.len(), Ordering::Relaxed);
                subject.leash.kill_all();
            }
            on_done(done.load(Ordering::Relaxed), PROMISES.len());
            thread::sleep(TICK);
        }
    });
    cases.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Promise {
    fn name(&self) -> String {
        format!("{} {}", self.id, self.title)
    }

    fn case(&self, subject: &Subject) -> Case {
        if !subject.claims.is_claimed(self.id) {
            return Case { name: self.name(), outcome: CaseOutcome::NotClaimed, detail: None };
        }
        match (self.check)(subject) {
            Ok(()) => {
                Case { name: self.name(), outcome: CaseOutcome::Kept, detail: self.operations(subject) }
            }
            Err(reason) => broken(&self.name(), reason),
        }
    }

    /// The operations that it was tested on; none where the whole service makes it.
    fn operations(&self, subject: &Subject) -> Option<String> {
        let names: Vec<_> = subject.claims.of(self.id).map(Operation::name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

fn broken(name: &str, reason: String) -> Case {
    Case { name: name.to_owned(), outcome: CaseOutcome::Broken, detail: Some(reason) }
}

/// A claim that nobody can test must not look like one that is kept.
fn unknown_claims(claims: &Claims) -> impl Iterator<Item = Case> {
    let is_unknown = |id: &&str| !PROMISES.iter().any(|promise| promise.id == *id);
    claims.all().into_iter().filter(is_unknown).map(|id| Case {
        name: id.to_owned(),
        outcome: CaseOutcome::NotClaimed,
        detail: Some("it is claimed, but this formwork has no probe for it".to_owned()),
    })
}

fn number(name: &str) -> u32 {
    let digits: String = name.chars().skip(1).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(u32::MAX)
}
