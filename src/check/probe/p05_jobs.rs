//! P5: work that escapes its request is done, and told of, whatever happens to the process that does it.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    Finding, both,
    claims::Operation,
    client::{Request, Response},
    expect,
    subject::{ALICE, Instance, MALLORY, Subject},
};

/// Jobs under way when the process is killed.
const JOBS: usize = 16;
/// The sample's jobs take milliseconds; a job whose worker died waits for its lease.
const DONE_WITHIN: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(100);
const UNFINISHED: [&str; 2] = ["queued", "running"];

pub fn check(subject: &Subject) -> Finding {
    expect::all(subject.claims.of("P5").map(|operation| {
        both(|| survives_a_kill(subject, operation), || is_done_and_told(subject, operation))
    }))
}

fn is_done_and_told(subject: &Subject, operation: &Operation) -> Finding {
    let instance = subject.start(&subject.launch("p5")?)?;
    let request = instance.example(operation)?;
    let path = begin(&instance, operation, request.clone())?;
    let again = begin(&instance, operation, request)?;
    expect::that(path == again, || {
        format!(
            "{} again with the same key: another job, expected the first one's Location",
            operation.name()
        )
    })?;
    let foreign = instance.call(MALLORY, Request::get(&path))?;
    expect::problem(&format!("GET {path} by another tenant"), &foreign, 404)?;
    succeeds(&instance, &path)
}

fn survives_a_kill(subject: &Subject, operation: &Operation) -> Finding {
    let launch = subject.launch("p5-kill")?;
    let launch = subject.set(launch, "APP__JOBS__POLL_INTERVAL", "200ms");
    let launch = subject.set(launch, "APP__JOBS__LEASE", "2s");
    let mut instance = subject.start(&launch)?;
    let jobs = (0..JOBS)
        .map(|_| begin(&instance, operation, instance.example(operation)?))
        .collect::<Finding<Vec<String>>>()?;
    instance.service.kill();
    let instance = subject.start(&launch)?;
    expect::all(
        jobs.iter()
            .map(|path| succeeds(&instance, path).map_err(|reason| format!("after a kill -9 {reason}"))),
    )
}

/// Begins the work; gives where its job is.
fn begin(instance: &Instance, operation: &Operation, request: Request) -> Finding<String> {
    let answer = instance.call(ALICE, request)?;
    expect::location(&operation.name(), &answer, 202)
}

fn succeeds(instance: &Instance, path: &str) -> Finding {
    let deadline = Instant::now() + DONE_WITHIN;
    loop {
        let answer = instance.call(ALICE, Request::get(path))?;
        expect::status(&format!("GET {path}"), &answer, 200)?;
        match state(&answer).as_str() {
            "succeeded" => return Ok(()),
            state if !UNFINISHED.contains(&state) => {
                return Err(format!("GET {path}: the job is {state:?}, expected \"succeeded\""));
            }
            state if Instant::now() > deadline => {
                let seconds = DONE_WITHIN.as_secs();
                return Err(format!("GET {path}: the job is still {state} after {seconds} s"));
            }
            _ => expect::header(&format!("GET {path} of an unfinished job"), &answer, "retry-after")
                .map(drop)?,
        }
        instance.subject.interrupt.check().map_err(|error| error.to_string())?;
        thread::sleep(TICK);
    }
}

fn state(answer: &Response) -> String {
    let state = answer.json().and_then(|job| job["state"].as_str().map(str::to_owned));
    state.unwrap_or_else(|| "without a state".to_owned())
}
