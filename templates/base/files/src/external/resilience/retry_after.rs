//! What a service says about when to come back, in all the ways in which services say it.

use std::time::Duration;

use http::{HeaderMap, header};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

/// Milliseconds, beside or in place of the standard's whole seconds.
const RETRY_AFTER_MS: &str = "retry-after-ms";

/// Nobody is believed who asks for more: a job would wait for years, and nobody would know.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// How long to leave a service alone that answered with these headers.
pub fn wait(headers: &HeaderMap) -> Option<Duration> {
    wait_at(headers, OffsetDateTime::now_utc())
}

fn wait_at(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let millis = text(RETRY_AFTER_MS).and_then(|text| text.trim().parse().ok());
    let wait = millis.map(Duration::from_millis).or_else(|| {
        let text = text(header::RETRY_AFTER.as_str())?.trim();
        text.parse()
            .map(Duration::from_secs)
            .ok()
            .or_else(|| until(text, now))
    });
    wait.map(|wait| wait.min(LONGEST))
}

/// From now to an HTTP date (RFC 9110, section 5.6.7); nothing where it has passed.
fn until(text: &str, now: OffsetDateTime) -> Option<Duration> {
    // It is written as in a mail, but for the name of the zone.
    let text = text.strip_suffix("GMT")?;
    let date = OffsetDateTime::parse(&format!("{text}+0000"), &Rfc2822).ok()?;
    Some(Duration::try_from(date - now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Wed, 21 Oct 2026 07:28:00 +0000";

    fn said(name: &'static str, value: &'static str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(
            name.parse().expect("a name"),
            value.parse().expect("a value"),
        )]);
        wait_at(
            &headers,
            OffsetDateTime::parse(NOW, &Rfc2822).expect("a time"),
        )
    }

    #[test]
    fn all_three_ways_are_understood() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(said("retry-after", "3"), seconds(3));
        let date = "Wed, 21 Oct 2026 07:29:30 GMT";
        assert_eq!(said("retry-after", date), seconds(90));
        let past = "Wed, 21 Oct 2026 07:27:00 GMT";
        assert_eq!(said("retry-after", past), seconds(0));
        let millis = said("retry-after-ms", "250");
        assert_eq!(millis, Some(Duration::from_millis(250)));
    }

    #[test]
    fn nobody_is_believed_who_asks_for_more_than_a_day() {
        for (name, value) in [
            ("retry-after", "86401"),
            ("retry-after", "18446744073709551615"),
            ("retry-after-ms", "18446744073709551615"),
            ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(said(name, value), Some(LONGEST), "{name}: {value}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for unclear in ["", "soon", "-1", "1.5", "Wed, 21 Oct 2026 07:29:30 PST"] {
            assert_eq!(said("retry-after", unclear), None, "{unclear}");
        }
    }
}
