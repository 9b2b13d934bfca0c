//! P11: who may not call is told so, in the same way everywhere, and nothing that is secret is told at all.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use super::{
    Finding,
    claims::{Credential, Operation},
    client::{Connection, PATIENCE, Request, Response, find},
    expect,
    subject::{ALICE, Instance, MALLORY, Subject, issue},
    token::Token,
};

/// Stands for every path parameter: well-formed as a UUID, and nobody's.
const NOBODYS_ID: &str = "00000000-0000-7000-8000-000000000000";
/// More than any service takes without being told to.
const HUGE: usize = 64 << 20;
const CHUNK: usize = 64 << 10;
const EXPIRES_WITHIN: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_millis(100);

pub fn check(subject: &Subject) -> Finding {
    let launch = subject.launch("p11")?;
    let launch = subject.set(launch, "APP__AUTH__LEEWAY", "0s");
    let instance = subject.start(&launch)?;
    let credentials = refused_credentials(subject, &instance)?;
    expect::all([
        refuses_strangers(&instance, &credentials),
        security_headers(&instance),
        limits_bodies(&instance),
        problems_everywhere(&instance),
        keeps_secrets_out_of_logs(&instance, &credentials),
    ])
}

/// A header that must not open any door, and why.
struct Refused {
    why: &'static str,
    header: Option<(String, String)>,
}

fn refused_credentials(subject: &Subject, instance: &Instance) -> Finding<Vec<Refused>> {
    let mut refused = vec![Refused { why: "no credential", header: None }];
    let Some(credential) = &subject.claims.credential else { return Ok(refused) };
    let with = |why, output: &str| {
        let value = credential.value.replace("{output}", output);
        Refused { why, header: Some((credential.header.clone(), value)) }
    };
    refused.push(with("a made-up credential", "not-a-credential"));
    let own = issue(&instance.launch, credential, ALICE, &[])?;
    // What follows is about signed tokens; other credentials mean nothing to anybody but their maker.
    let Some(token) = Token::parse(&own) else { return Ok(refused) };
    let foreign = foreign_token(subject, credential)?;
    refused.push(with("a token with `alg: none`", &token.unsigned().text()));
    refused.push(with("a token with a changed payload", &token.with_subject("root").text()));
    refused.push(with("a token of another key", &foreign.text()));
    refused.push(with("a token with another key's signature", &token.with_signature_of(&foreign).text()));
    let audience = issue(&instance.launch, credential, ALICE, &["--audience", "somebody-else"])?;
    refused.push(with("a token for another audience", &audience));
    let short = issue(&instance.launch, credential, ALICE, &["--ttl", "1s"])?;
    wait_for_expiry(instance, &with("", &short))?;
    refused.push(with("an expired token", &short));
    Ok(refused)
}

/// Signed by an instance with a data folder, and so with a key pair, of its own.
fn foreign_token(subject: &Subject, credential: &Credential) -> Finding<Token> {
    let launch = subject.launch("p11-foreign")?;
    let _other = subject.start(&launch)?;
    let text = issue(&launch, credential, MALLORY, &[])?;
    Token::parse(&text).ok_or_else(|| "the credential's command prints a token only sometimes".to_owned())
}

/// The first operation that refuses it shows that its time is over.
fn wait_for_expiry(instance: &Instance, short: &Refused) -> Finding {
    let secured = instance.subject.claims.operations.iter().find(|operation| operation.is_secured);
    let Some(operation) = secured else { return Ok(()) };
    let deadline = Instant::now() + EXPIRES_WITHIN;
    loop {
        let response = attempt(instance, operation, short)?;
        if response.status == 401 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!(
                "{}: a token of 1 s is still accepted after {} s ({})",
                operation.name(),
                EXPIRES_WITHIN.as_secs(),
                response.status
            ));
        }
        instance.subject.interrupt.check().map_err(|error| error.to_string())?;
        thread::sleep(TICK);
    }
}

fn refuses_strangers(instance: &Instance, credentials: &[Refused]) -> Finding {
    let operations = &instance.subject.claims.operations;
    let secured = operations.iter().filter(|operation| operation.is_secured);
    expect::all(secured.flat_map(|operation| {
        credentials.iter().map(move |credential| {
            let what = format!("{} with {}", operation.name(), credential.why);
            let response = attempt(instance, operation, credential)?;
            expect::problem(&what, &response, 401)?;
            expect::header(&what, &response, "www-authenticate").map(drop)
        })
    }))
}

fn attempt(instance: &Instance, operation: &Operation, credential: &Refused) -> Finding<Response> {
    let mut request = Request::new(&operation.method, &fill(&operation.path));
    if let Some(example) = &operation.example {
        request = request.json(example);
    }
    if let Some((name, value)) = &credential.header {
        request = request.header(name, value.clone());
    }
    request.send(instance.service.public)
}

fn fill(path: &str) -> String {
    let segment = |segment: &str| match segment.starts_with('{') {
        true => NOBODYS_ID.to_owned(),
        false => segment.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// On a refusal too: browsers read those as well.
fn security_headers(instance: &Instance) -> Finding {
    let what = "GET of an unknown path";
    let response = instance.call(ALICE, Request::get("/probe/unknown"))?;
    let value = |name| response.header(name).unwrap_or_default().to_ascii_lowercase();
    let frames =
        value("content-security-policy").contains("frame-ancestors") || !value("x-frame-options").is_empty();
    expect::all([
        expect::that(value("x-content-type-options") == "nosniff", || {
            format!("{what}: there is no X-Content-Type-Options: nosniff")
        }),
        expect::that(frames, || {
            format!("{what}: neither Content-Security-Policy nor X-Frame-Options keeps it out of frames")
        }),
        expect::header(what, &response, "referrer-policy").map(drop),
    ])
}

/// An operation that takes a body, to be given wrong ones.
fn with_body<'a>(instance: &'a Instance) -> Option<&'a Operation> {
    instance
        .subject
        .claims
        .operations
        .iter()
        .find(|operation| operation.example.is_some() && !operation.has_parameters())
}

fn limits_bodies(instance: &Instance) -> Finding {
    let Some(operation) = with_body(instance) else { return Ok(()) };
    let request = Request::new(&operation.method, &operation.path).header("content-type", "application/json");
    let request = instance.with_credential(ALICE, request)?;
    let announced = format!("{} with a body announced as {} MiB", operation.name(), HUGE >> 20);
    let unannounced = format!("{} with {} MiB in chunks", operation.name(), HUGE >> 20);
    expect::all([
        flood(instance, &request, &format!("content-length: {HUGE}"), false, &announced),
        flood(instance, &request, "transfer-encoding: chunked", true, &unannounced),
    ])
}

/// Sends until the server says stop.
fn flood(instance: &Instance, request: &Request, framing: &str, is_chunked: bool, what: &str) -> Finding {
    let to = instance.service.public;
    let mut head = format!("{} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n{framing}\r\n", request.name());
    request.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head.push_str("\r\n");
    let mut chunk = Vec::new();
    if is_chunked {
        chunk.extend(format!("{CHUNK:x}\r\n").into_bytes());
    }
    chunk.extend(vec![b' '; CHUNK]);
    if is_chunked {
        chunk.extend(b"\r\n");
    }
    let send = || -> io::Result<Response> {
        let mut connection = Connection::open(to, PATIENCE)?;
        connection.write(head.as_bytes())?;
        for _ in 0..HUGE / CHUNK {
            if connection.has_news(Duration::from_millis(1)) || connection.write(&chunk).is_err() {
                break;
            }
        }
        connection.response()
    };
    let response = send().map_err(|error| format!("{what}: {error}, expected 413"))?;
    expect::problem(what, &response, 413)
}

fn problems_everywhere(instance: &Instance) -> Finding {
    let unknown = instance.call(ALICE, Request::get("/probe/unknown"))?;
    let mut findings = vec![expect::problem("GET of an unknown path", &unknown, 404)];
    let operations = &instance.subject.claims.operations;
    if let Some(operation) = operations.iter().find(|operation| !operation.has_parameters()) {
        let taken = |method: &str| {
            operations.iter().any(|other| other.path == operation.path && other.method == method)
        };
        if let Some(method) = ["patch", "delete", "put", "post"].into_iter().find(|method| !taken(method)) {
            let response = instance.call(ALICE, Request::new(method, &operation.path))?;
            let what = format!("{} {}", method.to_uppercase(), operation.path);
            findings.push(expect::problem(&what, &response, 405));
        }
    }
    if let Some(operation) = with_body(instance) {
        let request = Request::new(&operation.method, &operation.path).body("text/plain", "plain");
        let response = instance.call(ALICE, request)?;
        findings.push(expect::problem(&format!("{} with text/plain", operation.name()), &response, 415));
    }
    expect::all(findings)
}

/// The log has had every credential by now, good and bad.
fn keeps_secrets_out_of_logs(instance: &Instance, credentials: &[Refused]) -> Finding {
    let log = instance.service.output.text();
    let own = instance.with_credential(ALICE, Request::get("/"))?.headers;
    let refused = credentials.iter().filter_map(|credential| credential.header.clone());
    let values: Vec<String> = own.into_iter().chain(refused).map(|(_, value)| value).collect();
    // A signature is the part that nobody else could have written there.
    let secret = |value: &String| {
        let output = value.split(' ').next_back().unwrap_or_default().to_owned();
        Token::parse(&output).map_or(output, |token| token.signature().to_owned())
    };
    let leaks = |secret: &String| secret.len() > 20 && find(log.as_bytes(), secret.as_bytes()).is_some();
    expect::all([
        expect::that(!values.iter().map(secret).any(|secret| leaks(&secret)), || {
            "a caller's credential is in the log".to_owned()
        }),
        expect::that(!log.contains("PRIVATE KEY"), || "a private key is in the log".to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_parameters_are_filled_in() {
        assert_eq!(fill("/v1/things/{id}/parts"), format!("/v1/things/{NOBODYS_ID}/parts"));
    }
}
