//! Whose page asks: browsers say it in `Sec-Fetch-Site` (Fetch Metadata), which no script can set or leave out. All send
//! it that can have the cookie, from 2023 on: it is there where a connection is safe, and so is the cookie.

use http::{HeaderMap, HeaderName};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A page of this service's own origin asks.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    headers.get(SITE).is_some_and(|site| site == "same-origin")
}

/// A page of another origin asks: another host of the same site is one too.
pub fn is_foreign(headers: &HeaderMap) -> bool {
    headers.contains_key(SITE) && !is_own(headers)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_its_own_origin_is_not_foreign() {
        let judge = |site: &'static str| {
            let headers = HeaderMap::from_iter([(SITE, HeaderValue::from_static(site))]);
            (is_own(&headers), is_foreign(&headers))
        };
        assert_eq!(judge("same-origin"), (true, false));
        for site in ["same-site", "cross-site", "none", "Same-Origin", ""] {
            assert_eq!(judge(site), (false, true), "{site}");
        }
        // No browser, or one that is too old to tell.
        let silent = HeaderMap::new();
        assert_eq!((is_own(&silent), is_foreign(&silent)), (false, false));
    }
}
