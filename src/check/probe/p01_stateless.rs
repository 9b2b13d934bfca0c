//! P1: two processes on one data layer serve one client alternately; nothing that must last is in memory.

use std::time::Duration;

use super::{
    Finding,
    claims::Operation,
    client::{Request, Response},
    expect,
    subject::{ALICE, Instance, Subject},
};

const LEAVE: Duration = Duration::from_secs(10);

pub fn check(subject: &Subject) -> Finding {
    expect::all(subject.claims.of("P1").map(|operation| on_two_instances(subject, operation)))
}

fn on_two_instances(subject: &Subject, operation: &Operation) -> Finding {
    let launch = subject.launch("p1")?;
    let mut first = subject.start(&launch)?;
    let mut second = subject.start(&launch)?;

    let request = first.example(operation)?;
    let (made, path) = create(&first, operation, request.clone())?;
    let read = reads_the_same(&first, &second, &path)?;
    let replayed = second.call(ALICE, request)?;
    let what = format!("{} with a key that another instance has answered", operation.name());
    expect::same(&what, &made, &replayed)?;
    expect::that(replayed.header("idempotent-replayed") == Some("true"), || {
        format!("{what}: it ran again, expected the first answer with Idempotent-Replayed: true")
    })?;
    let (_, later) = create(&second, operation, second.example(operation)?)?;
    let read_later = reads_the_same(&second, &first, &later)?;

    // One leaves in order, one does not: what was answered must last either way.
    first.service.stop(LEAVE)?;
    second.service.kill();
    let (first, second) = (subject.start(&launch)?, subject.start(&launch)?);
    expect::all([still_reads(&first, &later, &read_later), still_reads(&second, &path, &read)])
}

fn create(instance: &Instance, operation: &Operation, request: Request) -> Finding<(Response, String)> {
    let made = instance.call(ALICE, request)?;
    let path = expect::location(&operation.name(), &made, 201)?;
    Ok((made, path))
}

/// What one instance wrote, the other reads, byte for byte.
fn reads_the_same(writer: &Instance, reader: &Instance, path: &str) -> Finding<Response> {
    let own = writer.call(ALICE, Request::get(path))?;
    expect::status(&format!("GET {path} where it was made"), &own, 200)?;
    let others = reader.call(ALICE, Request::get(path))?;
    expect::same(&format!("GET {path} on another instance"), &own, &others)?;
    expect::that(own.header("etag") == others.header("etag"), || {
        format!("GET {path}: two instances give different ETags")
    })?;
    Ok(own)
}

fn still_reads(instance: &Instance, path: &str, before: &Response) -> Finding {
    let after = instance.call(ALICE, Request::get(path))?;
    expect::same(&format!("GET {path} after both instances were restarted"), before, &after)
}
