//! What kind of request takes whose place. Reads and writes are admitted apart: writes wait for one another, reads
//! do not wait for them. What waits for somebody else's service has places of its own too, or a service that has
//! become slow would take everybody's.

use axum::extract::{MatchedPath, Request};

use crate::{app::router, config};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Read,
    Write,
    Outward,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Outward];

    pub fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        if route.is_some_and(|route| router::OUTWARD.contains(&route.as_str())) {
            Self::Outward
        } else if request.method().is_safe() {
            Self::Read
        } else {
            Self::Write
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Outward => "outward",
        }
    }

    pub fn limit(self, limits: &config::Limits) -> u32 {
        match self {
            Self::Read => limits.reads,
            Self::Write => limits.writes,
            Self::Outward => limits.outward,
        }
    }
}
