//! Locks that nobody asks whether they are poisoned: what is done under them is never left half done, so a panic
//! elsewhere changes nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) trait LockAnyway<T> {
    /// Takes the lock, whether somebody panicked under it or not.
    fn lock_anyway(&self) -> MutexGuard<'_, T>;
}

impl<T> LockAnyway<T> for Mutex<T> {
    fn lock_anyway(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_panic_under_it_keeps_nobody_out() {
        let mutex = Mutex::new(1);
        let panics = catch_unwind(AssertUnwindSafe(|| {
            let _held = mutex.lock_anyway();
            panic!("on purpose");
        }));
        assert!(panics.is_err() && mutex.is_poisoned());
        assert_eq!(*mutex.lock_anyway(), 1);
    }
}
