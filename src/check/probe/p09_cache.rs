//! P9: nobody is answered with what was made for somebody else, not by a cache either.

use super::{
    Finding,
    asking::{Asking, SOON, question, streamed},
    claims::Operation,
    client::{Request, Response},
    events::{Answer, text},
    expect,
    subject::{ALICE, Caller, Instance, MALLORY, Subject},
    upstream::Scene,
};

pub fn check(subject: &Subject) -> Finding {
    let instance = subject.start(&subject.launch("p9")?)?;
    expect::all(subject.claims.of("P9").map(|operation| match operation.promises.contains("P4") {
        true => answers_each(subject, operation),
        false => keeps_apart(&instance, operation),
    }))
}

/// The same question of two tenants is two questions, whatever was answered before.
fn answers_each(subject: &Subject, operation: &Operation) -> Finding {
    let asking = Asking::start(subject, operation, "p9-answers", &[])?;
    asking.upstream.plays(Scene::says(&["The answer to call {call}."]));
    let (one, other) = (Caller::stranger(), Caller::stranger());
    let begin = |caller| {
        let request = streamed(question(&asking.instance, operation, caller)?);
        Answer::to(&request, asking.address())?.stream(&request.name())
    };
    let mut stream = begin(one)?;
    let own = text(&stream.rest(SOON)?);
    let before = asking.upstream.calls().len();
    let foreign = text(&begin(other)?.rest(SOON)?);
    let again = text(&begin(one)?.rest(SOON)?);
    let what = format!("{} with a question that another tenant has asked", operation.name());
    let path = expect::location(&operation.name(), &stream.head, 200)?;
    let events = format!("{path}/events");
    let strange = |path: &str| {
        let answer = asking.instance.call(other, Request::get(path))?;
        expect::problem(&format!("GET {path} by another tenant's caller"), &answer, 404)
    };
    expect::all([
        expect::that(asking.upstream.calls().len() > before, || {
            format!("{what}: the provider was not asked, expected no answer of another tenant's")
        }),
        expect::that(foreign != own, || format!("{what}: saw the other tenant's answer, {own:?}")),
        expect::that(again != foreign, || {
            format!("{} again: saw another tenant's answer, {foreign:?}", operation.name())
        }),
        strange(&path),
        strange(&events),
        cache_control(&operation.name(), &stream.head, operation.is_secured),
    ])
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
