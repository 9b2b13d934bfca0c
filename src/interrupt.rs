//! Ctrl-C, SIGTERM and SIGHUP become one flag that every step of a long piece of work looks at.

use std::{
    process,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::error::{Error, Result, Status};

/// Whether a question stands on the terminal.
static IS_ASKING: AtomicBool = AtomicBool::new(false);

/// Runs `ask`, which waits for somebody at the terminal and so cannot look at the flag. A signal then ends the
/// process, as a terminal that went away must: reading from it would fail for ever.
pub fn while_asking<T>(ask: impl FnOnce() -> T) -> T {
    IS_ASKING.store(true, Ordering::SeqCst);
    let answer = ask();
    IS_ASKING.store(false, Ordering::SeqCst);
    answer
}

/// Only for when there is nothing to tidy up but the terminal.
fn end_now() -> ! {
    // It fails where the terminal is gone, and then there is none to put right.
    let _ = crossterm::terminal::disable_raw_mode();
    process::exit(Status::Interrupted.code().into())
}

/// A flag that a signal sets. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// The flag of this process: signals have one handler a process, so every caller gets the same flag.
    pub fn of_process() -> Self {
        static FLAG: OnceLock<Interrupt> = OnceLock::new();
        FLAG.get_or_init(|| {
            let flag = Self::default();
            let raised = flag.clone();
            // It fails only when somebody else handles signals already; then theirs is in charge.
            let _ = ctrlc::set_handler(move || {
                raised.raise();
                if IS_ASKING.load(Ordering::SeqCst) {
                    end_now();
                }
            });
            flag
        })
        .clone()
    }

    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub fn check(&self) -> Result<()> {
        if self.is_raised() { Err(Error::interrupted()) } else { Ok(()) }
    }
}
