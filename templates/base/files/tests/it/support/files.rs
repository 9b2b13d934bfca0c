//! Tests that hold more files open than a shell usually allows: each connection is two, where both of its ends are in
//! this process.

use std::{
    env,
    io::{self, Write as _},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{Mutex, MutexGuard};

/// One such test at a time: the limit is that of all tests together.
static TURN: Mutex<()> = Mutex::const_new(());

/// Beside what such a test holds: for the other tests.
const OTHERS: u64 = 2_000;

/// May hold so many files open for as long as this is kept. None where the system does not allow it; then the test says
/// so and proves nothing, which CI does not take.
pub(crate) async fn many(files: u64) -> Option<MutexGuard<'static, ()>> {
    let turn = TURN.lock().await;
    let needed = files + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    if most < needed {
        let refused = format!("it takes {needed} open files, and the system allows {most}");
        assert!(env::var_os("CI").is_none(), "{refused}");
        // `eprintln!` would say it to the harness, which says nothing of a test that passes.
        writeln!(io::stderr(), "not tested: {refused} (ulimit -Hn)").ok();
        return None;
    }
    if limit.current.is_some_and(|current| current < needed) {
        let raised = Rlimit {
            current: Some(needed),
            ..limit
        };
        setrlimit(Resource::Nofile, raised).expect("a limit below the hard one");
    }
    Some(turn)
}
