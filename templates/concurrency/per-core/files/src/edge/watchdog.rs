//! Notices a core that does not turn. Whatever holds it, a timer on it comes late; and one that stands still
//! shows itself no more. What a single handler does is told by `stall.rs`, with its route.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::{
    lifecycle::Lifecycle,
    server::{Pulse, TURN},
};
use crate::telemetry::cores;

const TICK: Duration = Duration::from_millis(50);

/// Far above what a busy machine adds to a timer.
const LATE: Duration = Duration::from_millis(100);

/// A loop that turns has shown itself twice by then.
const SILENT: Duration = TURN.saturating_mul(2);

/// Runs on the core, and tells when it was held up.
pub(super) async fn watch(core: usize) {
    loop {
        let due = Instant::now() + TICK;
        sleep_until(due).await;
        let late = due.elapsed();
        if late > LATE {
            report(core, late);
        }
    }
}

fn report(core: usize, late: Duration) {
    cores::stalled(core);
    let late_s = late.as_secs_f64();
    tracing::warn!(
        core,
        late_s,
        "core {core} was held for {late_s:.3} s, and with it all of its requests"
    );
}

/// A core as it is seen from outside.
pub(super) struct Watched {
    core: usize,
    pulse: Pulse,
    is_silent: bool,
}

impl Watched {
    pub(super) fn new(core: usize) -> Self {
        Self {
            core,
            pulse: Pulse::default(),
            is_silent: false,
        }
    }

    /// For a loop on the core to beat.
    pub(super) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Looks whether it turns. That it does not is told once.
    fn look(&mut self) -> bool {
        let is_silent = self.pulse.age() > SILENT;
        if is_silent && !self.is_silent {
            let core = self.core;
            tracing::error!(core, "core {core} does not turn any more");
        }
        self.is_silent = is_silent;
        !is_silent
    }
}

/// Keeps `pulse` beating while every core turns, so that `/live` fails once one no longer does.
pub(super) async fn vouch(mut cores: Vec<Watched>, pulse: &Pulse, lifecycle: &Lifecycle) {
    loop {
        let silent = cores
            .iter_mut()
            .filter_map(|core| (!core.look()).then_some(()));
        if silent.count() == 0 {
            pulse.beat();
        }
        if timeout(TICK, lifecycle.closed()).await.is_ok() {
            return pulse.retire();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Instant,
    };

    use tracing::{
        Event, Subscriber,
        field::{Field, Visit},
    };
    use tracing_subscriber::{Layer, Registry, layer, layer::SubscriberExt as _};

    use super::*;

    /// The cores of which it was reported that they were held.
    #[derive(Clone, Default)]
    struct Reported(Arc<Mutex<Vec<u64>>>);

    impl<S: Subscriber> Layer<S> for Reported {
        fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
            event.record(&mut &*self);
        }
    }

    impl Visit for &Reported {
        fn record_u64(&mut self, field: &Field, value: u64) {
            if field.name() == "core" {
                self.0.lock().expect("not poisoned").push(value);
            }
        }

        fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
    }

    #[tokio::test]
    async fn a_core_that_was_held_is_named() {
        let reported = Reported::default();
        let subscriber = Registry::default().with(reported.clone());
        let _guard = tracing::subscriber::set_default(subscriber);
        let watching = tokio::spawn(watch(3));
        // Its timer runs before its thread is held.
        tokio::task::yield_now().await;
        let begun = Instant::now();
        while begun.elapsed() < TICK + 2 * LATE {
            std::hint::spin_loop();
        }
        while reported.0.lock().expect("not poisoned").is_empty() {
            tokio::task::yield_now().await;
        }
        watching.abort();
        assert_eq!(reported.0.lock().expect("not poisoned")[0], 3);
    }
}
