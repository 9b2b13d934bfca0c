//! The instant by which a request must be answered. It is set at the edge, and every layer below has what
//! is left of it.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};

/// A client, or a service before this one, says how long it will wait, in milliseconds.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-timeout-ms");

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// The shorter of what the client asks for and `longest`. What cannot be read asks for nothing.
    pub fn of(headers: &HeaderMap, longest: Duration) -> Self {
        let asked = headers
            .get(HEADER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse().ok())
            .map(Duration::from_millis);
        Self::after(asked.map_or(longest, |asked| asked.min(longest)))
    }

    /// This deadline, or `duration` from now where that is earlier.
    #[must_use]
    pub fn within(self, duration: Duration) -> Self {
        self.min(Self::after(duration))
    }

    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    pub fn instant(self) -> Instant {
        self.0
    }

    /// Tells the next service what is left.
    pub fn inject(self, headers: &mut HeaderMap) {
        let millis = u64::try_from(self.remaining().as_millis()).unwrap_or(u64::MAX);
        headers.insert(HEADER, HeaderValue::from(millis));
    }
}
