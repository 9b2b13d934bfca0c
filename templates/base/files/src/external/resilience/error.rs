//! Why somebody else's service did not do what it was asked: what our own caller is told, and whether another
//! try is worth it.

use std::time::Duration;

use http::StatusCode;

use crate::{edge::problem::Problem, jobs::Failure};

/// When it is worth asking again where nobody said so.
const SOON: Duration = Duration::from_secs(1);

/// What a service says when it has too much to do, and no status of the standard says so (RFC 9110 ends at 511).
const OVERLOADED: u16 = 529;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("too many calls to it are running already")]
    Busy,
    #[error("it is left alone for {0:?}")]
    Resting(Duration),
    #[error("it did not answer in time")]
    Late,
    /// Whoever asked had less time than it may take, so nothing is known of it.
    #[error("there was no time left to wait for it")]
    Deadline,
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it answered {status}")]
    Refused {
        status: u16,
        /// How long it wants to be left alone.
        wait: Option<Duration>,
    },
    #[error("its answer broke off or cannot be read: {0}")]
    Broken(String),
}

impl Error {
    /// Whether the same request may fare better in a moment. Only before any of the answer was used.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } => {
                matches!(status, 408 | 409 | 425 | 429 | 500..=504 | 506..=599)
            }
            Self::Busy | Self::Resting(_) | Self::Late | Self::Deadline | Self::Broken(_) => false,
        }
    }

    /// Whether it says something about the service's health, and not about what it was asked.
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Late | Self::Unreachable(_) | Self::Broken(_) => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            Self::Busy | Self::Resting(_) | Self::Deadline => false,
        }
    }

    /// How long whoever refused wants to be left alone.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Resting(wait) => Some(*wait),
            Self::Refused { wait, .. } => *wait,
            Self::Busy | Self::Late | Self::Deadline | Self::Unreachable(_) | Self::Broken(_) => {
                None
            }
        }
    }

    /// For `error.type`: few values, and none of them is text of somebody else's.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Resting(_) => "resting",
            Self::Late => "timeout",
            Self::Deadline => "deadline",
            Self::Unreachable(_) => "unreachable",
            Self::Refused { status: 429, .. } => "429",
            Self::Refused { status: 500.., .. } => "5xx",
            Self::Refused { .. } => "4xx",
            Self::Broken(_) => "broken",
        }
    }
}

/// The URL is left out: some put their key there.
impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_timeout() {
            Self::Late
        } else if error.is_connect() || error.is_request() {
            Self::Unreachable(error.to_string())
        } else {
            Self::Broken(error.to_string())
        }
    }
}

/// What a request that timed out, broke off or was refused is told of it; the cause is logged here, once.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        tracing::warn!(
            error = error.kind(),
            "a service that this one depends on failed: {error}"
        );
        let soon = error.wait().unwrap_or(SOON);
        match error {
            Error::Busy => Self::overloaded("upstream-busy", soon),
            Error::Resting(_) => Self::overloaded("upstream-unavailable", soon),
            Error::Refused {
                status: 429 | 503 | OVERLOADED,
                ..
            } => Self::overloaded("upstream-overloaded", soon),
            Error::Deadline => return Self::deadline(),
            Error::Late => Self::new(StatusCode::GATEWAY_TIMEOUT, "upstream-timeout"),
            Error::Unreachable(_) => {
                Self::new(StatusCode::BAD_GATEWAY, "upstream-unreachable").retry_after(soon)
            }
            Error::Refused { status: 500.., .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "upstream-failed").retry_after(soon)
            }
            Error::Refused { .. } => Self::new(StatusCode::BAD_GATEWAY, "upstream-refused"),
            Error::Broken(_) => Self::new(StatusCode::BAD_GATEWAY, "upstream-broken"),
        }
        .detail("a service that this one depends on did not answer as it should")
    }
}

/// A job has more time than a request: what may pass at all is tried again.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let told = format!("a service that this one depends on failed: {error}");
        match (&error, error.wait()) {
            (_, Some(wait)) => Self::RetryAfter(wait, told),
            // What was asked is wrong, and stays wrong; a wrong key or address is mended by somebody.
            (
                Error::Refused {
                    status: 400 | 413 | 422,
                    ..
                },
                None,
            ) => Self::Permanent(told),
            (_, None) => Self::Retry(told),
        }
    }
}
