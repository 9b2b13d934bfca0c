//! P4: an answer is told while it is made, ends as it should, and outlives whoever listens only if asked to.

use std::{thread, time::Duration};

use super::{
    Finding,
    asking::{Asking, SOON, prepare, question, streamed, upstream_problem},
    both,
    claims::Operation,
    client::{Connection, PATIENCE, Request},
    events::{Answer, Event, Stream, text},
    expect,
    subject::{Caller, Instance, Subject},
    upstream::{Act, End, Scene, Upstream},
};

const FIRST: &str = "What comes first, ";
const LAST: &str = "and what comes last.";
/// The promise is 200 ms; the rest is for a busy machine.
const LEFT_WITHIN: Duration = Duration::from_secs(1);
/// Long enough for a duplicate, or for an answer that nobody hears any more, to show itself.
const MEANWHILE: Duration = Duration::from_millis(400);
const LEASE: (&str, &str) = ("APP__ANSWERS__LEASE", "2s");
/// The lease, and a busy machine; and where the lease cannot be set, the longest usual one.
const ENDED_WITHIN: Duration = Duration::from_secs(15);
const ENDED_WITHIN_ITS_OWN_LEASE: Duration = Duration::from_secs(45);

pub fn check(subject: &Subject) -> Finding {
    expect::all(subject.claims.of("P4").map(|operation| {
        both(
            || {
                both(
                    || resumes_elsewhere(subject, operation),
                    || tells_of_a_dead_producer(subject, operation),
                )
            },
            || while_somebody_listens(subject, operation),
        )
    }))
}

/// An answer in two pieces, of which the second waits for the probe.
fn in_two_pieces() -> Scene {
    Scene::Plays(vec![Act::Say(FIRST), Act::Hold, Act::Say(LAST)])
}

fn while_somebody_listens(subject: &Subject, operation: &Operation) -> Finding {
    let asking = Asking::start(subject, operation, "p4", &[])?;
    // Those that make a provider look ill come last: the service may stop asking it.
    expect::all([
        arrives_while_it_is_made(&asking),
        stops_with_its_listener(&asking),
        stops_before_the_first_token(&asking),
        fails_in_the_middle(&asking),
        fails_before_it_begins(&asking),
    ])
}

fn arrives_while_it_is_made(asking: &Asking) -> Finding {
    asking.upstream.plays(in_two_pieces());
    let number = asking.upstream.calls().len();
    let request = streamed(asking.question()?).without("idempotency-key");
    let request = request.header("accept-encoding", "gzip, br, zstd, deflate");
    let what = format!("{} for text/event-stream", request.name());
    let late = |reason| format!("{what}, while the provider waits after its first token: {reason}");
    let mut stream = Answer::to(&request, asking.address()).map_err(late)?.stream(&what)?;
    let mut events = stream.until("token", SOON).map_err(late)?;
    let is_early = asking.upstream.end(number, Duration::ZERO).is_none();
    asking.upstream.release();
    events.extend(stream.rest(SOON)?);
    expect::all([
        expect::that(is_early, || format!("{what}: the provider had ended before the first token came")),
        is_whole(&what, &events),
        ends_with(&what, &events, &["usage", "done"]),
        expect::that(stream.head.header("content-encoding").is_none(), || {
            format!("{what}: the events are compressed, which holds them back")
        }),
    ])
}

fn is_whole(what: &str, events: &[Event]) -> Finding {
    let (seen, said) = (text(events), format!("{FIRST}{LAST}"));
    expect::that(seen == said, || format!("{what}: the tokens are {seen:?}, expected {said:?}"))
}

fn ends_with(what: &str, events: &[Event], expected: &[&str]) -> Finding {
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    expect::that(names.ends_with(expected), || {
        let last = events.last().map(|event| event.data.as_str()).unwrap_or_default();
        format!("{what}: the events are {names:?}, expected {expected:?} last; the last one says {last}")
    })
}

/// After the first token its caller leaves.
fn stops_with_its_listener(asking: &Asking) -> Finding {
    asking.upstream.plays(in_two_pieces());
    let number = asking.upstream.calls().len();
    let mut stream = asking.stream()?;
    stream.until("token", SOON)?;
    stream.abandon();
    is_left(asking, number, "after the first token")
}

/// The longest wait of all is the one for the first token, and there is nothing to write to its caller.
fn stops_before_the_first_token(asking: &Asking) -> Finding {
    asking.upstream.plays(Scene::Plays(vec![Act::Hold]));
    let number = asking.upstream.calls().len();
    let request = streamed(asking.question()?).without("idempotency-key");
    let to = asking.address();
    let send = || {
        let mut connection = Connection::open(to, PATIENCE)?;
        connection.write(&request.head(to))?;
        connection.write(&request.body)?;
        std::io::Result::Ok(connection)
    };
    let connection = send().map_err(|error| format!("{}: {error}", request.name()))?;
    expect::that(asking.upstream.has_calls(number + 1, SOON), || {
        format!("{}: the provider was not asked", request.name())
    })?;
    connection.abandon();
    is_left(asking, number, "before the first token")
}

fn is_left(asking: &Asking, number: usize, when: &str) -> Finding {
    let end = asking.upstream.end(number, LEFT_WITHIN).map(|(end, _)| end);
    asking.upstream.release();
    expect::that(end == Some(End::Left), || {
        format!(
            "{} whose client left {when}: the provider still works {} ms later, expected the call to be cancelled",
            asking.operation.name(),
            LEFT_WITHIN.as_millis()
        )
    })
}

/// What was told cannot be taken back: the failure is told as well, and that is the end.
fn fails_in_the_middle(asking: &Asking) -> Finding {
    asking.upstream.plays(Scene::Plays(vec![Act::Say(FIRST), Act::Cut]));
    let mut stream = asking.stream()?;
    let what = format!("{} whose provider breaks off after a token", asking.operation.name());
    let events = stream.rest(SOON).map_err(|reason| format!("{what}: {reason}"))?;
    ends_with(&what, &events, &["error"])?;
    is_problem(&what, events.last())
}

fn is_problem(what: &str, event: Option<&Event>) -> Finding {
    let problem = event.map(Event::json).unwrap_or_default();
    let is_whole = problem["type"].is_string()
        && problem["title"].is_string()
        && problem["status"].as_u64().is_some_and(|status| status >= 500);
    expect::that(is_whole, || {
        format!("{what}: the `error` is {problem}, expected a problem with type, title and status")
    })
}

/// Nothing was told yet: then the failure has a status.
fn fails_before_it_begins(asking: &Asking) -> Finding {
    let scenes = [
        ("breaks off before its first token", Scene::Plays(vec![Act::Cut])),
        ("refuses with 503", Scene::Refuses { status: 503, retry_after: None }),
    ];
    expect::all(scenes.map(|(how, scene)| {
        asking.upstream.plays(scene);
        let keyed = streamed(asking.question()?);
        let requests = [("", keyed.clone().without("idempotency-key")), (", with a key,", keyed)];
        expect::all(requests.map(|(key, request)| {
            let what = format!("{}{key} whose provider {how}", asking.operation.name());
            upstream_problem(&what, &Answer::to(&request, asking.address())?.other(&what)?)
        }))
    }))
}

/// A pair of instances on one data layer.
struct Pair<'a> {
    upstream: Upstream,
    first: Instance<'a>,
    second: Instance<'a>,
    operation: &'a Operation,
}

/// An answer that outlives its listeners, on the first instance, with its first token told.
struct Durable {
    request: Request,
    caller: Caller,
    told: Vec<Event>,
    /// Where its events are.
    events: String,
}

impl<'a> Pair<'a> {
    fn start(subject: &'a Subject<'a>, operation: &'a Operation, name: &str) -> Finding<Self> {
        let (upstream, launch) = prepare(subject, name, &[LEASE])?;
        upstream.plays(in_two_pieces());
        let (first, second) = (subject.start(&launch)?, subject.start(&launch)?);
        Ok(Self { upstream, first, second, operation })
    }

    fn begin(&self) -> Finding<(Durable, Stream)> {
        let caller = Caller::stranger();
        let request = streamed(question(&self.first, self.operation, caller)?);
        let what = format!("{} with an Idempotency-Key", request.name());
        let mut stream = Answer::to(&request, self.first.service.public)?.stream(&what)?;
        let told = stream.until("token", SOON).map_err(|reason| format!("{what}: {reason}"))?;
        let location = expect::location(&what, &stream.head, 200)?;
        Ok((Durable { request, caller, told, events: format!("{location}/events") }, stream))
    }

    /// Its events on the second instance, after one or from the first.
    fn resume(&self, durable: &Durable, after: Option<&str>) -> Finding<Stream> {
        let request = streamed(Request::get(&durable.events));
        let request = after.iter().fold(request, |request, id| request.header("last-event-id", *id));
        let request = self.second.with_credential(durable.caller, request)?;
        Answer::to(&request, self.second.service.public)?.stream(&request.name())
    }
}

fn resumes_elsewhere(subject: &Subject, operation: &Operation) -> Finding {
    let pair = Pair::start(subject, operation, "p4-resume")?;
    expect::all([is_one_answer(&pair), needs_no_listener(&pair)])
}

/// Whoever reads it, wherever, whenever, and however often it is asked for.
fn is_one_answer(pair: &Pair) -> Finding {
    let (durable, mut stream) = pair.begin()?;
    let what = format!("GET {} on another instance", durable.events);
    let last = durable.told.last().and_then(|event| event.id.clone());
    let last = last.ok_or_else(|| {
        format!("{} with an Idempotency-Key: its tokens have no `id`", pair.operation.name())
    })?;
    let (others, duplicate) = thread::scope(|scope| {
        // An answer's head may wait for the next event.
        let resumed = scope.spawn(|| pair.resume(&durable, Some(&last))?.rest(SOON));
        let duplicate = scope.spawn(|| Answer::to(&durable.request, pair.second.service.public));
        thread::sleep(MEANWHILE);
        pair.upstream.release();
        let panicked = "a reader panicked";
        let resumed = resumed.join().unwrap_or_else(|_| Err(panicked.to_owned()));
        (resumed, duplicate.join().unwrap_or_else(|_| Err(panicked.to_owned())))
    });
    let (own, others) = (stream.rest(SOON)?, others?);
    let from_the_first = pair.resume(&durable, None)?.rest(SOON)?;
    let after_the_end = Answer::to(&durable.request, pair.second.service.public)?;
    let after_the_end = after_the_end.stream("the same key after the end")?.rest(SOON)?;

    let whole = [durable.told.as_slice(), &own].concat();
    let together = [durable.told.as_slice(), &others].concat();
    let calls = pair.upstream.calls().len();
    expect::all([
        is_whole(&format!("{} with an Idempotency-Key", pair.operation.name()), &whole),
        is_whole(&format!("{what} after Last-Event-ID {last}"), &together),
        ends_with(&what, &others, &["usage", "done"]),
        is_whole(&format!("{what} from the first event"), &from_the_first),
        ends_with(&what, &from_the_first, &["usage", "done"]),
        is_whole(&format!("{} again with the same key", pair.operation.name()), &after_the_end),
        duplicate.and_then(|answer| is_no_other_answer(pair, answer)),
        expect::that(calls == 1, || {
            format!("{}: one key asked the provider {calls} times, expected once", pair.operation.name())
        }),
    ])
}

/// While it runs, the same key is told to wait, or gets the same answer.
fn is_no_other_answer(pair: &Pair, answer: Answer) -> Finding {
    let what = format!("{} with the key of an answer that is being made", pair.operation.name());
    match answer {
        Answer::Other(busy) => {
            expect::problem(&what, &busy, 409)?;
            expect::header(&what, &busy, "retry-after").map(drop)
        }
        Answer::Stream(mut stream) => is_whole(&what, &stream.rest(SOON)?),
    }
}

fn needs_no_listener(pair: &Pair) -> Finding {
    let number = pair.upstream.calls().len();
    let (durable, stream) = pair.begin()?;
    stream.abandon();
    let what = format!("{} with an Idempotency-Key, whose client left", pair.operation.name());
    let end = pair.upstream.end(number, MEANWHILE);
    pair.upstream.release();
    expect::that(end.is_none(), || format!("{what}: the provider was left too, expected it to go on"))?;
    let finished = pair.upstream.end(number, SOON).map(|(end, _)| end);
    expect::that(finished == Some(End::Finished), || {
        format!("{what}: the provider could not finish, expected it to be heard to its end")
    })?;
    let events = pair.resume(&durable, None)?.rest(SOON)?;
    is_whole(&what, &events)?;
    ends_with(&what, &events, &["usage", "done"])
}

/// kill -9 of the instance that makes the answer: whoever reads it elsewhere is told.
fn tells_of_a_dead_producer(subject: &Subject, operation: &Operation) -> Finding {
    let mut pair = Pair::start(subject, operation, "p4-dead")?;
    let (durable, _stream) = pair.begin()?;
    let mut elsewhere = pair.resume(&durable, None)?;
    let what = format!("GET {} whose producer was killed", durable.events);
    let mut events = elsewhere.until("token", SOON)?;
    pair.first.service.kill();
    let patience = if subject.has(LEASE.0) { ENDED_WITHIN } else { ENDED_WITHIN_ITS_OWN_LEASE };
    events.extend(elsewhere.rest(patience).map_err(|reason| format!("{what}: {reason}"))?);
    ends_with(&what, &events, &["error"])?;
    is_problem(&what, events.last())
}
