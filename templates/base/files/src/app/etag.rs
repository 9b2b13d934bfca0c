//! Entity tags and the conditions on them (RFC 9110 §8.8, §13.1).

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::edge::problem::Problem;

/// The strong tag of one version of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    pub fn of_version(version: i64) -> Self {
        Self(format!("\"v{version}\""))
    }

    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("\"\""))
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether the client has this version already: `If-None-Match`, by weak comparison.
    pub fn is_known_to(&self, headers: &HeaderMap) -> bool {
        tags(headers, header::IF_NONE_MATCH)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.0)
    }

    /// Whether the client means this version: `If-Match`, by strong comparison. A change without the
    /// condition is refused, or two writers would overwrite each other without knowing.
    pub fn require_match(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if !headers.contains_key(header::IF_MATCH) {
            return Err(
                Problem::new(StatusCode::PRECONDITION_REQUIRED, "if-match-required")
                    .detail("send If-Match with the ETag of the version that is to be changed"),
            );
        }
        if tags(headers, header::IF_MATCH).any(|tag| tag == "*" || tag == self.0) {
            return Ok(());
        }
        Err(changed_meanwhile())
    }
}

/// The version that the client means is no longer the current one.
pub fn changed_meanwhile() -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, "changed-meanwhile")
        .detail("the resource was changed meanwhile: read it again")
}

fn tags(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let tag = ETag::of_version(3);
        for known in ["\"v3\"", "W/\"v3\"", "\"v1\", \"v3\"", "*"] {
            assert!(
                tag.is_known_to(&headers(header::IF_NONE_MATCH, known)),
                "{known}"
            );
        }
        assert!(!tag.is_known_to(&headers(header::IF_NONE_MATCH, "\"v2\"")));
        assert!(!tag.is_known_to(&HeaderMap::new()));
    }

    #[test]
    fn if_match_compares_strongly_and_is_required() {
        let tag = ETag::of_version(3);
        assert!(
            tag.require_match(&headers(header::IF_MATCH, "\"v3\""))
                .is_ok()
        );
        let status = |headers| {
            tag.require_match(&headers)
                .map_err(|problem| problem.status)
        };
        assert_eq!(status(headers(header::IF_MATCH, "W/\"v3\"")), Err(412));
        assert_eq!(status(headers(header::IF_MATCH, "\"v2\"")), Err(412));
        assert_eq!(status(HeaderMap::new()), Err(428));
    }
}
