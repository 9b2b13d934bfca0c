//! Locks of the system by which runs know of each other: they end with their process, whatever its number.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long another run may need to make its own folder.
const PATIENCE: Duration = Duration::from_secs(2);

/// Makes a file that is locked as long as what is given lives.
pub(crate) fn hold(file: &Path) -> io::Result<File> {
    let lock = OpenOptions::new().create_new(true).write(true).open(file)?;
    // A file system without locks is no reason to refuse: then nothing of killed runs is removed there either.
    let _ = lock.try_lock();
    Ok(lock)
}

/// Whether a living run holds such a file; in doubt one does.
pub(crate) fn is_held(file: &Path) -> bool {
    match OpenOptions::new().write(true).open(file) {
        Ok(lock) => lock.try_lock().is_err(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Holds the parent itself locked, so that no run looks for leftovers while another is between making its
/// folder and locking it. So is a workspace's root while a run changes what stands there.
pub(crate) struct Guard(Option<File>);

impl Guard {
    pub(crate) fn of(parent: &Path) -> Self {
        let deadline = Instant::now() + PATIENCE;
        let Ok(folder) = File::open(parent) else { return Self(None) };
        loop {
            match folder.try_lock() {
                Ok(()) => return Self(Some(folder)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(_) => return Self(None),
            }
        }
    }

    pub(crate) fn is_held(&self) -> bool {
        self.0.is_some()
    }
}
