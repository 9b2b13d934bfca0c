//! P2: every wait has a bound, and a deadline that has passed leaves nothing behind.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    Finding,
    claims::Operation,
    client::{Connection, PATIENCE, Request},
    expect,
    subject::{ALICE, Instance, Subject},
};

/// What the client asks for, when its body comes, and how late an answer may be on a busy machine.
const DEADLINE: Duration = Duration::from_millis(50);
const BODY_AFTER: Duration = Duration::from_millis(300);
const HEADER_TIMEOUT: Duration = Duration::from_millis(600);
const BODY_TIMEOUT: Duration = Duration::from_millis(700);
const SLACK: Duration = Duration::from_millis(1500);
/// How often a slow client sends a byte.
const TRICKLE: Duration = Duration::from_millis(100);

pub fn check(subject: &Subject) -> Finding {
    let millis = |duration: Duration| format!("{}ms", duration.as_millis());
    let launch = subject.launch("p2")?;
    let launch = subject.set(launch, "APP__SERVER__HEADER_TIMEOUT", &millis(HEADER_TIMEOUT));
    let launch = subject.set(launch, "APP__SERVER__BODY_TIMEOUT", &millis(BODY_TIMEOUT));
    let instance = subject.start(&launch)?;
    expect::all(subject.claims.of("P2").map(|operation| bounds(&instance, operation)))
}

fn bounds(instance: &Instance, operation: &Operation) -> Finding {
    thread::scope(|scope| {
        let headers = scope.spawn(|| endless_headers(instance));
        let body = scope.spawn(|| trickled_body(instance, operation));
        let deadline = passed_deadline(instance, operation);
        let ended = "a check of this promise panicked";
        expect::all([
            deadline,
            body.join().unwrap_or_else(|_| Err(ended.to_owned())),
            headers.join().unwrap_or_else(|_| Err(ended.to_owned())),
        ])
    })
}

/// The deadline passes while the body is still awaited: 504, and the key that came with it is free.
fn passed_deadline(instance: &Instance, operation: &Operation) -> Finding {
    let what = format!("{} with X-Request-Timeout-Ms: {}", operation.name(), DEADLINE.as_millis());
    let request = instance.with_credential(ALICE, instance.example(operation)?)?;
    let hurried = request.clone().header("x-request-timeout-ms", DEADLINE.as_millis().to_string());

    let started = Instant::now();
    let mut connection = open(instance, &hurried)?;
    let answered_early = connection.has_news(BODY_AFTER);
    let waited = started.elapsed();
    // The server may have closed already; the answer is what counts.
    let _ = connection.write(&hurried.body);
    let response = connection.response().map_err(|error| format!("{what}: {error}"))?;
    expect::problem(&what, &response, 504)?;
    expect::that(answered_early, || {
        format!("{what}: no answer after {} ms, expected one at the deadline", waited.as_millis())
    })?;

    let again = request.send(instance.service.public)?;
    let what = format!("{} again, with the key of a request whose deadline passed", operation.name());
    expect::success(&what, &again)?;
    expect::that(again.header("idempotent-replayed").is_none(), || {
        format!("{what}: saw a replay, expected the key to be free because nothing was written")
    })
}

/// A client that sends a byte now and then never trips an idle timer; the whole body has a deadline.
fn trickled_body(instance: &Instance, operation: &Operation) -> Finding {
    let what = format!("{} with a body that trickles in", operation.name());
    let mut request = instance.with_credential(ALICE, instance.example(operation)?)?;
    // Blanks before a JSON value mean nothing, and make any body long enough not to end by itself.
    request.body.splice(..0, [b' '; 100]);
    let mut connection = open(instance, &request)?;
    let started = Instant::now();
    for byte in &request.body {
        if connection.has_news(TRICKLE) || started.elapsed() > BODY_TIMEOUT + SLACK {
            break;
        }
        // A failed write is news too: the loop sees it next time round.
        let _ = connection.write(&[*byte]);
    }
    let ended = started.elapsed();
    expect::that(ended <= BODY_TIMEOUT + SLACK, || {
        format!(
            "{what}: no answer after {} ms, expected 408 at {} ms",
            ended.as_millis(),
            BODY_TIMEOUT.as_millis()
        )
    })?;
    let response = connection.response().map_err(|error| format!("{what}: {error}"))?;
    expect::problem(&what, &response, 408)
}

/// A client whose headers never end loses its connection, whether or not it is told why.
fn endless_headers(instance: &Instance) -> Finding {
    let mut connection = Connection::open(instance.service.public, PATIENCE)
        .map_err(|error| format!("cannot connect: {error}"))?;
    let _ = connection.write(b"GET / HTTP/1.1\r\nhost: probe\r\nx-endless: ");
    let started = Instant::now();
    while started.elapsed() < HEADER_TIMEOUT + SLACK {
        if connection.has_news(TRICKLE) {
            return Ok(());
        }
        let _ = connection.write(b"a");
    }
    Err(format!(
        "a connection whose headers never end is still open after {} ms, expected its end at {} ms",
        started.elapsed().as_millis(),
        HEADER_TIMEOUT.as_millis()
    ))
}

/// Sends the head only.
fn open(instance: &Instance, request: &Request) -> Finding<Connection> {
    let to = instance.service.public;
    let open = || {
        let mut connection = Connection::open(to, PATIENCE)?;
        connection.write(&request.head(to))?;
        std::io::Result::Ok(connection)
    };
    open().map_err(|error| format!("{}: {error}", request.name()))
}
