//! What kind of request takes whose place. Reads and writes are admitted apart: writes wait for one another, reads
//! do not wait for them.

use axum::extract::Request;

use crate::config;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Read,
    Write,
}

impl Class {
    pub const ALL: [Self; 2] = [Self::Read, Self::Write];

    pub fn of(request: &Request) -> Self {
        if request.method().is_safe() {
            Self::Read
        } else {
            Self::Write
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    pub fn limit(self, limits: &config::Limits) -> u32 {
        match self {
            Self::Read => limits.reads,
            Self::Write => limits.writes,
        }
    }
}
