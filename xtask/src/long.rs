//! Tests that prove the more the longer they run: docs/ci.md lists them.

#[derive(Clone, Copy)]
pub(crate) struct Long {
    /// What it reads its size from; without it, it is short.
    pub(crate) variable: &'static str,
    pub(crate) size: &'static str,
    /// Of a generated project: the tests that read it. None for a test of ours.
    pub(crate) module: Option<&'static str>,
}

pub(crate) const ALL: [Long; 5] = [
    Long { variable: "TEST_JOBS", size: "10000", module: Some("jobs::endurance") },
    Long { variable: "TEST_JOBS_ISOLATION", size: "process", module: Some("jobs::") },
    Long { variable: "TEST_CRASHES", size: "60", module: Some("idempotency::crash") },
    KILLS,
    Long { variable: "FORMWORK_TEST_MOMENTS", size: "500", module: None },
];

/// Two that serve and two that work, one of each killed under load.
pub(crate) const KILLS: Long = Long { variable: "TEST_KILLS", size: "20", module: Some("instances::") };
