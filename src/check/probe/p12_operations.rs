//! P12: an operator can tell how the process is, stop it without a failed request, and is told all that is
//! wrong with its configuration.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    Finding, both,
    claims::Operation,
    client::{Connection, PATIENCE, Request, Response},
    expect,
    port::Port,
    service::{Launch, TICK},
    subject::{ALICE, Instance, Subject},
};

const DRAIN_DELAY: Duration = Duration::from_millis(1500);
const GRACE: Duration = Duration::from_secs(5);
/// It must be shorter.
const ANSWERS_DRAIN: &str = "4s";
/// How soon a load balancer must be able to see it.
const SEEN_WITHIN: Duration = Duration::from_millis(700);
const SENDERS: usize = 4;
const NOWHERE: &str = "/probe/unknown";
/// What EX_CONFIG of sysexits.h is.
const BAD_CONFIGURATION: i32 = 78;

pub fn check(subject: &Subject) -> Finding {
    let configuration = || expect::all([names_every_mistake(subject), names_a_taken_port(subject)]);
    both(configuration, || drains(subject))
}

fn drains(subject: &Subject) -> Finding {
    let launch = subject.launch("p12")?;
    let launch = subject.set(launch, "APP__SERVER__DRAIN_DELAY", &format!("{}ms", DRAIN_DELAY.as_millis()));
    let grace = format!("{}s", GRACE.as_secs());
    let launch = subject.set(launch, "APP__SERVER__SHUTDOWN_GRACE", &grace);
    let launch = subject.set(launch, "APP__ANSWERS__DRAIN_TIMEOUT", ANSWERS_DRAIN);
    let launch = subject.set_request_timeout(launch, GRACE);
    let mut instance = subject.start(&launch)?;
    expect::all([health(&instance, "live"), health(&instance, "ready")])?;
    let unfinished = begin_unfinished(&instance)?;
    let load = Load::prepare(&instance)?;

    let (stopping, drained) = thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| load.send());
        }
        thread::sleep(TICK * 10);
        instance.service.signal(Signal::TERM);
        let stopping = Instant::now();
        let drained = says_that_it_drains(&instance, stopping);
        // A load balancer has stopped sending by now; what it sent before must be answered.
        let last = (DRAIN_DELAY / 2).saturating_sub(stopping.elapsed());
        thread::sleep(last);
        load.knock(stopping + DRAIN_DELAY);
        load.stop();
        (stopping, drained)
    });
    let finished = finish(unfinished, stopping + DRAIN_DELAY + TICK * 10);
    let exit = ends_in_order(&mut instance);
    expect::all([drained, load.finding(), finished, exit])
}

fn health(instance: &Instance, route: &str) -> Finding {
    let what = format!("GET /{route}");
    let response = Request::get(&format!("/{route}")).send(instance.service.admin)?;
    expect::status(&what, &response, 200)?;
    let body = response.json().unwrap_or_default();
    expect::that(body["status"].is_string() && body["checks"].is_object(), || {
        format!("{what}: the body is {}, expected JSON with `status` and `checks`", response.summary())
    })
}

/// `/ready` says 503 in time, and `/live` goes on to say 200: a process that drains must not be killed.
fn says_that_it_drains(instance: &Instance, stopping: Instant) -> Finding {
    let admin = instance.service.admin;
    loop {
        let ready = Request::get("/ready").send(admin).map_err(|error| format!("after SIGTERM {error}"))?;
        if ready.status == 503 {
            let live = Request::get("/live").send(admin).map_err(|error| format!("after SIGTERM {error}"))?;
            return expect::status("GET /live while draining", &live, 200);
        }
        if stopping.elapsed() > SEEN_WITHIN {
            return Err(format!(
                "GET /ready says {} {} ms after SIGTERM, expected 503",
                ready.status,
                stopping.elapsed().as_millis()
            ));
        }
        thread::sleep(TICK);
    }
}

/// A request whose body is still to come when the process is told to stop.
struct Unfinished {
    connection: Connection,
    rest: Vec<u8>,
    name: String,
}

fn begin_unfinished(instance: &Instance) -> Finding<Option<Unfinished>> {
    let Some(operation) = posts(instance.subject).next() else { return Ok(None) };
    let request = instance.with_credential(ALICE, instance.example(operation)?)?;
    let to = instance.service.public;
    let (begin, rest) = request.body.split_at(request.body.len() / 2);
    let open = || {
        let mut connection = Connection::open(to, PATIENCE)?;
        connection.write(&request.head(to))?;
        connection.write(begin)?;
        std::io::Result::Ok(connection)
    };
    let connection = open().map_err(|error| format!("{}: {error}", request.name()))?;
    Ok(Some(Unfinished { connection, rest: rest.to_vec(), name: request.name() }))
}

/// Sends the rest once the listener is closed.
fn finish(unfinished: Option<Unfinished>, at: Instant) -> Finding {
    let Some(mut unfinished) = unfinished else { return Ok(()) };
    thread::sleep(at.saturating_duration_since(Instant::now()));
    let what = format!("{} that was under way at SIGTERM", unfinished.name);
    let sent = unfinished.connection.write(&unfinished.rest);
    let response = sent.and_then(|()| unfinished.connection.response());
    let response = response.map_err(|error| format!("{what}: {error}, expected it to be answered"))?;
    expect::success(&what, &response)
}

fn ends_in_order(instance: &mut Instance) -> Finding {
    let patience = DRAIN_DELAY + GRACE + Duration::from_secs(4);
    let status =
        instance.service.wait_for_exit(patience).map_err(|error| format!("after SIGTERM {error}"))?;
    expect::that(status.success(), || {
        format!("after SIGTERM the process ended with {status}, expected exit code 0")
    })
}

fn posts<'a>(subject: &'a Subject) -> impl Iterator<Item = &'a Operation> {
    subject
        .claims
        .operations
        .iter()
        .filter(|operation| operation.method == "post" && operation.example.is_some())
}

fn is_well(request: &Request, answer: &Response) -> Finding {
    match request.path.as_str() {
        NOWHERE => {
            expect::that(answer.status < 500, || format!("{}: saw {}", request.name(), answer.summary()))
        }
        _ => expect::success(&request.name(), answer),
    }
}

/// Requests one after the other, each on a new connection, as many short-lived clients send them.
struct Load {
    requests: Vec<Request>,
    to: SocketAddr,
    is_over: AtomicBool,
    sent: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Load {
    fn prepare(instance: &Instance) -> Finding<Self> {
        let claims = &instance.subject.claims.operations;
        let lists =
            claims.iter().filter(|operation| operation.method == "get" && !operation.has_parameters());
        let lists = lists.map(|operation| Ok(Request::get(&operation.path)));
        let posts = posts(instance.subject).map(|operation| instance.example(operation));
        let mut requests = lists
            .chain(posts)
            .map(|request| instance.with_credential(ALICE, request?))
            .collect::<Finding<Vec<_>>>()?;
        // A service without operations answers too.
        requests.push(Request::get(NOWHERE));
        Ok(Self {
            requests,
            to: instance.service.public,
            is_over: AtomicBool::new(false),
            sent: AtomicUsize::new(0),
            failed: Mutex::default(),
        })
    }

    fn send(&self) {
        for request in self.requests.iter().cycle() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            if let Err(reason) = self.send_one(request) {
                self.failures().push(reason);
                // Who is refused comes back later; the cores are for the other promises.
                thread::sleep(TICK);
            }
        }
    }

    /// All senders may be waiting for slow answers, so that nobody knocks while the process drains. This one does. The
    /// listener may close at `end`: a failure that is seen later says nothing.
    fn knock(&self, end: Instant) {
        let answer = self.send_one(&Request::get(NOWHERE));
        if let Err(reason) = answer
            && Instant::now() < end
        {
            self.failures().push(reason);
        }
    }

    fn send_one(&self, request: &Request) -> Finding {
        // Round after round: a key that was used would only get the first round's answer.
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let fresh = request.clone().header("idempotency-key", format!("probe-p12-{number}"));
        fresh.send(self.to).and_then(|answer| is_well(request, &answer))
    }

    fn stop(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    fn failures(&self) -> MutexGuard<'_, Vec<String>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finding(&self) -> Finding {
        let failed = self.failures();
        let sent = self.sent.load(Ordering::Relaxed);
        match failed.first() {
            None => Ok(()),
            Some(first) => Err(format!(
                "{} of {sent} requests around SIGTERM failed, expected none; the first: {first}",
                failed.len()
            )),
        }
    }
}

fn names_every_mistake(subject: &Subject) -> Finding {
    let (unknown, bad) = ("APP__SERVER__ADDRES", "APP__SERVER__REQUEST_TIMEOUT");
    let launch = subject.launch("p12-configuration")?.with(unknown, "127.0.0.1:1").with(bad, "soon");
    let what = "a start with an unknown variable and a bad value";
    let ended = start_and_fail(subject, &launch, what)?;
    expect::all([
        expect::that(ended.code == Some(BAD_CONFIGURATION), || {
            format!("{what}: exit code {:?}, expected {BAD_CONFIGURATION}", ended.code)
        }),
        expect::that(ended.log.contains(unknown), || format!("{what}: {unknown} is not named")),
        expect::that(ended.log.contains(bad), || format!("{what}: {bad} is not named")),
    ])
}

fn names_a_taken_port(subject: &Subject) -> Finding {
    let (public, admin) = (Port::take()?, Port::take()?);
    let address = public.address;
    let _taken = TcpListener::bind(address).map_err(|error| format!("cannot take {address}: {error}"))?;
    let launch = subject.launch("p12-port")?;
    let mut service = launch.start_on(public, admin, &subject.leash)?;
    let what = "a start on a taken port";
    let status = service.wait_for_exit(PATIENCE).map_err(|error| format!("{what}: {error}"))?;
    let log = service.output.text();
    expect::all([
        expect::that(!status.success(), || format!("{what}: it ended with success")),
        expect::that(log.contains("APP__SERVER__ADDRESS"), || {
            format!("{what}: APP__SERVER__ADDRESS is not named; it said: {}", log.trim())
        }),
    ])
}

struct Ended {
    code: Option<i32>,
    log: String,
}

fn start_and_fail(subject: &Subject, launch: &Launch, what: &str) -> Finding<Ended> {
    let mut service = launch.start(&subject.leash)?;
    let status = service.wait_for_exit(PATIENCE).map_err(|error| format!("{what}: {error}"))?;
    Ok(Ended { code: status.code(), log: service.output.text() })
}
