//! The threads that answer requests: one a core, each with a runtime of its own. Nothing moves between them, so
//! a small request waits for no other thread; and what blocks one holds up all that is on it.

use std::{io, thread};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// They turn until this is dropped.
pub struct Cores {
    handles: Vec<Handle>,
    _stop: DropGuard,
}

impl Cores {
    pub fn start(count: usize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let mut cores = Self {
            handles: Vec::new(),
            _stop: stop.clone().drop_guard(),
        };
        for core in 0..count {
            cores.handles.push(start(core, stop.clone())?);
        }
        Ok(cores)
    }

    /// To put work on a core.
    pub fn handles(&self) -> &[Handle] {
        &self.handles
    }
}

fn start(core: usize, stop: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let turn = move || {
        runtime.block_on(stop.cancelled());
        runtime.shutdown_background();
    };
    thread::Builder::new()
        .name(format!("core-{core}"))
        .spawn(turn)?;
    Ok(handle)
}
