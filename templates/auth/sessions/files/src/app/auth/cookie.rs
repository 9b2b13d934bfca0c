//! The session's cookie. Its prefix has browsers refuse it unless it is `Secure`, of this host alone and for all paths, so
//! nobody on a neighbouring host can plant one. No script can read it. Without an end of its own it goes with the browser;
//! what ends a session stands in Redis.

use http::{HeaderMap, header::COOKIE};

use super::{UNKNOWN, id::Id};
use crate::app::caller::Anonymous;

const NAME: &str = "__Host-session";

const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

pub(super) fn value(headers: &HeaderMap) -> Result<&str, Anonymous> {
    // Other cookies of the browser's may be of any bytes: only this one is read as text.
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(NAME.as_bytes())?;
        value.strip_prefix(b"=")
    });
    match (values.next(), values.next()) {
        (None, _) => Err(Anonymous::Missing),
        (Some(value), None) => str::from_utf8(value).map_err(|_| UNKNOWN),
        // Which of them the browser means cannot be known.
        (Some(_), Some(_)) => Err(Anonymous::Invalid("there is more than one session cookie")),
    }
}

/// The value of `Set-Cookie` that has the browser keep it.
pub(super) fn kept(id: &Id) -> String {
    format!("{NAME}={}; {ATTRIBUTES}", id.expose())
}

/// The value of `Set-Cookie` that has the browser forget it.
pub(super) fn forgotten() -> String {
    format!("{NAME}=; {ATTRIBUTES}; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let lines = lines.iter().map(|line| HeaderValue::from_static(line));
        lines.map(|line| (COOKIE, line)).collect()
    }

    #[test]
    fn it_is_found_among_others_and_by_its_whole_name() {
        for lines in [
            ["__Host-session=a", "b=c"].as_slice(),
            &["b=c; __Host-session=a;d=e"],
        ] {
            assert_eq!(value(&headers(lines)), Ok("a"), "{lines:?}");
        }
        for lines in [
            ["session=a", "__host-session=a"].as_slice(),
            &["x__Host-session=a; __Host-session2=a", "__Host-session"],
            &[],
        ] {
            assert_eq!(value(&headers(lines)), Err(Anonymous::Missing), "{lines:?}");
        }
    }

    /// Nor does what a neighbour has planted hide it: a space that is none of ASCII is part of a name.
    #[test]
    fn bytes_of_other_cookies_are_nothing_to_it() {
        for (line, expected) in [
            (b"x=\xc3\xab; __Host-session=a".as_slice(), Ok("a")),
            (b"__Host-session=a; x=\xff", Ok("a")),
            (b"\xc2\xa0__Host-session=b; __Host-session=a", Ok("a")),
            (b"\xc2\xa0__Host-session=b", Err(Anonymous::Missing)),
            (b"__Host-session=\xff", Err(UNKNOWN)),
        ] {
            let line = HeaderValue::from_bytes(line).expect("a value");
            let headers = HeaderMap::from_iter([(COOKIE, line)]);
            assert_eq!(value(&headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn of_two_neither_counts() {
        for lines in [
            ["__Host-session=a; __Host-session=b"].as_slice(),
            &["__Host-session=a", "__Host-session=a"],
        ] {
            let refused = matches!(value(&headers(lines)), Err(Anonymous::Invalid(_)));
            assert!(refused, "{lines:?}");
        }
    }
}
