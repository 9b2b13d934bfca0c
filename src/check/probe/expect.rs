//! What the promises expect of a response, each in one sentence when it is not so.

use super::{Finding, client::Response};

/// Every finding, not only the first: one run shows all that is wrong.
pub fn all(findings: impl IntoIterator<Item = Finding>) -> Finding {
    let broken: Vec<String> = findings.into_iter().filter_map(Result::err).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}

pub fn that(holds: bool, otherwise: impl FnOnce() -> String) -> Finding {
    if holds { Ok(()) } else { Err(otherwise()) }
}

pub fn status(what: &str, response: &Response, expected: u16) -> Finding {
    that(response.status == expected, || format!("{what}: saw {}, expected {expected}", response.summary()))
}

pub fn success(what: &str, response: &Response) -> Finding {
    let is_success = (200..300).contains(&response.status);
    that(is_success, || format!("{what}: saw {}, expected success", response.summary()))
}

/// RFC 9457: a status that says so, the media type, and the members that a client branches on.
pub fn problem(what: &str, response: &Response, expected: u16) -> Finding {
    status(what, response, expected)?;
    let kind = response.header("content-type").unwrap_or("none");
    that(kind.starts_with("application/problem+json"), || {
        format!("{what}: the {expected} has content type {kind}, expected application/problem+json")
    })?;
    let body = response.json().unwrap_or_default();
    let missing: Vec<&str> =
        ["type", "title", "instance"].into_iter().filter(|member| !body[*member].is_string()).collect();
    that(missing.is_empty(), || format!("{what}: the {expected} problem lacks {}", missing.join(", ")))?;
    that(body["status"] == expected, || {
        format!("{what}: the problem's status is {}, expected {expected}", body["status"])
    })
}

pub fn header<'a>(what: &str, response: &'a Response, name: &str) -> Finding<&'a str> {
    response.header(name).ok_or_else(|| format!("{what}: the {} has no {name} header", response.status))
}

/// The path of the resource that this answer tells of.
pub fn location(what: &str, response: &Response, expected: u16) -> Finding<String> {
    status(what, response, expected)?;
    let location = header(what, response, "location")?;
    // An absolute one names the host by which a client came: only its path matters here.
    let path = location
        .split_once("://")
        .map_or(location, |(_, rest)| &rest[rest.find('/').unwrap_or(rest.len())..]);
    that(path.starts_with('/'), || format!("{what}: Location is {location:?}, expected a path"))?;
    Ok(path.to_owned())
}

/// The same status and the same bytes.
pub fn same(what: &str, first: &Response, second: &Response) -> Finding {
    that(first.status == second.status && first.body == second.body, || {
        format!("{what}: saw {}, expected the same as before: {}", second.summary(), first.summary())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { status, headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_problem_must_be_whole() {
        let kind = [("content-type", "application/problem+json")];
        let whole = r#"{"type":"urn:x","title":"X","status":404,"instance":"1"}"#;
        assert_eq!(problem("x", &response(404, &kind, whole), 404), Ok(()));
        let lacks = problem("x", &response(404, &kind, r#"{"type":"urn:x","status":404}"#), 404);
        assert!(lacks.expect_err("an error").contains("lacks title, instance"));
        let plain = problem("x", &response(404, &[("content-type", "text/plain")], whole), 404);
        assert!(plain.expect_err("an error").contains("text/plain"));
        let other = problem("x", &response(404, &kind, &whole.replace("404", "400")), 404);
        assert!(other.expect_err("an error").contains("status is 400"));
    }

    #[test]
    fn a_location_may_be_absolute() {
        let at = |value: &str| location("x", &response(201, &[("Location", value)], ""), 201);
        assert_eq!(at("/v1/d/1").as_deref(), Ok("/v1/d/1"));
        assert_eq!(at("http://localhost:1/v1/d/1").as_deref(), Ok("/v1/d/1"));
        assert!(at("d/1").is_err());
    }
}
