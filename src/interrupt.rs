//! Ctrl-C, SIGTERM and SIGHUP become one flag that every step of a long piece of work looks at.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use crate::error::{Error, Result};

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
            let _ = ctrlc::set_handler(move || raised.raise());
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
