//! Every process that the probe has started, so that an interrupt can end them all at once.

use std::{
    collections::HashSet,
    process::Child,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Pid, Signal, kill_process_group};

#[derive(Clone, Debug, Default)]
pub struct Leash(Arc<Mutex<HashSet<Pid>>>);

impl Leash {
    pub fn hold(&self, child: &Child) {
        self.running().insert(Pid::from_child(child));
    }

    /// The process has been waited for: its number may soon be another's.
    pub fn release(&self, child: &Child) {
        self.running().remove(&Pid::from_child(child));
    }

    pub fn kill_all(&self) {
        for pid in self.running().iter() {
            // One that is gone already is as good as killed.
            let _ = kill_process_group(*pid, Signal::KILL);
        }
    }

    fn running(&self) -> MutexGuard<'_, HashSet<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
