//! The token in a request's head, and what is said where it does not hold.

use http::{HeaderMap, header::AUTHORIZATION};

use crate::app::caller::Anonymous;

/// Longer tokens are refused unread; identity providers stay far below.
const LONGEST: usize = 8 * 1024;

pub(super) fn token(headers: &HeaderMap) -> Result<&str, Anonymous> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Anonymous::Missing)?;
    if values.next().is_some() {
        // Whoever read the other one, such as a proxy, would have seen another caller.
        return Err(Anonymous::Invalid(
            "there is more than one Authorization header",
        ));
    }
    let bytes = value.as_bytes();
    let (scheme, rest) = bytes.split_at(bytes.len().min("bearer".len()));
    if !scheme.eq_ignore_ascii_case(b"bearer") || rest.first().is_some_and(|byte| *byte != b' ') {
        return Err(Anonymous::Missing);
    }
    let token = rest.trim_ascii();
    if token.is_empty() {
        return Err(Anonymous::Invalid("the bearer token is empty"));
    }
    if token.len() > LONGEST {
        return Err(Anonymous::Invalid("the bearer token is longer than 8 KiB"));
    }
    str::from_utf8(token).map_err(|_| Anonymous::Invalid("the bearer token is not text"))
}

/// The value of `WWW-Authenticate` in a refusal (RFC 6750, section 3).
pub fn challenge(reason: Anonymous) -> String {
    let realm = concat!("Bearer realm=\"", env!("CARGO_PKG_NAME"), "\"");
    match reason {
        Anonymous::Invalid(why) => {
            format!("{realm}, error=\"invalid_token\", error_description=\"{why}\"")
        }
        Anonymous::Missing | Anonymous::Unavailable => realm.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let values = values
            .iter()
            .map(|bytes| HeaderValue::from_bytes(bytes).expect("a value"));
        values.map(|value| (AUTHORIZATION, value)).collect()
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c "] {
            assert_eq!(
                token(&headers(&[value.as_bytes()])),
                Ok("a.b.c"),
                "{value:?}"
            );
        }
    }

    #[test]
    fn another_scheme_is_no_bearer_token() {
        assert_eq!(token(&HeaderMap::new()), Err(Anonymous::Missing));
        for value in ["", "Basic dTpw", "Bearers a.b.c", "Bear", "Bearer,a.b.c"] {
            assert_eq!(
                token(&headers(&[value.as_bytes()])),
                Err(Anonymous::Missing),
                "{value:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_a_token_is_refused_unread() {
        let long = format!("Bearer {}", "a".repeat(LONGEST + 1));
        let values: [&[&[u8]]; 5] = [
            &[b"Bearer"],
            &[b"Bearer   "],
            &[b"Bearer a.\xff.c"],
            &[long.as_bytes()],
            &[b"Bearer a.b.c", b"Bearer d.e.f"],
        ];
        for values in values {
            let refused = matches!(token(&headers(values)), Err(Anonymous::Invalid(_)));
            assert!(refused, "{values:?}");
        }
        let longest = format!("Bearer {}", "a".repeat(LONGEST));
        assert!(token(&headers(&[longest.as_bytes()])).is_ok());
    }
}
