//! Locks between processes that a Ctrl-C can end the wait for, and that a kill -9 releases.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, Result},
    interrupt::Interrupt,
};

/// Copying everything takes seconds: who waits longer than this goes on without.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug)]
pub enum Access {
    Shared,
    Exclusive,
}

/// Held until the file is dropped.
pub fn lock(path: &Path, access: Access, interrupt: &Interrupt) -> Result<File> {
    let failed = |error: std::io::Error| Error::failed("cannot lock").at(path, None).cause(error);
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).read(true).open(path).map_err(failed)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let attempt = match access {
            Access::Shared => file.try_lock_shared(),
            Access::Exclusive => file.try_lock(),
        };
        match attempt {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) => interrupt.check()?,
        }
        if Instant::now() > deadline {
            let seconds = PATIENCE.as_secs();
            return Err(Error::failed(format!("another process held a lock for {seconds} s")).at(path, None));
        }
        thread::sleep(TICK);
    }
}
