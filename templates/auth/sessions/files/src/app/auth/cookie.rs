//! The session's cookie. Its prefix has browsers refuse it unless it is `Secure`, of this host alone and for all paths, so
//! nobody on a neighbouring host can plant one. No script can read it. Without an end of its own it goes with the browser;
//! what ends a session stands in Redis.

use http::{HeaderMap, header::COOKIE};

use super::id::Id;
use crate::app::caller::Anonymous;

const NAME: &str = "__Host-session";

const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

pub(super) fn value(headers: &HeaderMap) -> Result<&str, Anonymous> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (None, _) => Err(Anonymous::Missing),
        (Some(value), None) => Ok(value),
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
