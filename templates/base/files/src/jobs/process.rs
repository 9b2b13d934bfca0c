//! An attempt at a job in a process of its own, which is this binary once more. One that takes all memory, aborts or
//! never lets go takes nothing with it: the system ends it, or its worker does.
//!
//! The two share a socket. The worker says what is to be done; the other does it under the same lease, commits as a
//! handler in the worker would, and says what came of it. Meanwhile the worker keeps the lease, and decides when it is
//! enough. The socket is also what ties them: whichever lets go of it, the other process ends.

pub mod child;
mod parent;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use self::parent::run;
use super::{Failure, Kind};
use crate::data::jobs::{Claimed, Lease};

/// How long a process may go on after it has said what came of its job: for what the handler left behind, and for the
/// last telemetry.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the worker says, in one line.
#[derive(Debug, Serialize, Deserialize)]
struct Assignment {
    /// Whose job it is, for telemetry.
    worker: String,
    kind: Kind,
    lease: Lease,
    claimed: Claimed,
}

/// What it is answered, in one line. A success has been committed by then.
type Outcome = Result<(), Failure>;
