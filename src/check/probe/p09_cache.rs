//! P9: nobody is answered with what was made for somebody else, not by a cache either.

use super::{
    Finding,
    claims::Operation,
    client::{Request, Response},
    expect,
    subject::{ALICE, Instance, MALLORY, Subject},
};

pub fn check(subject: &Subject) -> Finding {
    let instance = subject.start(&subject.launch("p9")?)?;
    expect::all(subject.claims.of("P9").map(|operation| keeps_apart(&instance, operation)))
}

fn keeps_apart(instance: &Instance, operation: &Operation) -> Finding {
    let made = instance.call(ALICE, instance.example(operation)?)?;
    let path = expect::location(&operation.name(), &made, 201)?;
    let before = instance.call(MALLORY, Request::get(&path))?;
    let own = instance.call(ALICE, Request::get(&path))?;
    // Now a cache that forgets who asked would have the answer.
    let after = instance.call(MALLORY, Request::get(&path))?;
    let secured = operation.is_secured;
    expect::all([
        expect::problem(&format!("GET {path} by another tenant's caller"), &before, 404),
        expect::status(&format!("GET {path} by its owner"), &own, 200),
        expect::problem(
            &format!("GET {path} by another tenant's caller, after its owner read it"),
            &after,
            404,
        ),
        cache_control(&operation.name(), &made, secured),
        cache_control(&format!("GET {path}"), &own, secured),
        cache_control(&format!("the 404 of GET {path}"), &after, secured),
        conditional(instance, &path, &own, secured),
    ])
}

fn cache_control(what: &str, response: &Response, is_secured: bool) -> Finding {
    let value = expect::header(what, response, "cache-control")?;
    let forbids = value.split(',').any(|directive| directive.trim().eq_ignore_ascii_case("no-store"));
    expect::that(forbids || !is_secured, || {
        format!("{what}: Cache-Control is {value:?}, expected no-store for an authenticated caller")
    })
}

fn conditional(instance: &Instance, path: &str, own: &Response, is_secured: bool) -> Finding {
    let what = format!("GET {path}");
    let tag = expect::header(&what, own, "etag")?;
    expect::that(tag.starts_with('"'), || format!("{what}: ETag is {tag}, expected a strong one"))?;
    let known = instance.call(ALICE, Request::get(path).header("if-none-match", tag))?;
    let what = format!("{what} with If-None-Match of its ETag");
    expect::status(&what, &known, 304)?;
    expect::that(known.body.is_empty(), || format!("{what}: the 304 has a body"))?;
    cache_control(&what, &known, is_secured)?;
    let other = instance.call(ALICE, Request::get(path).header("if-none-match", "\"another\""))?;
    expect::status(&format!("GET {path} with another If-None-Match"), &other, 200)
}
