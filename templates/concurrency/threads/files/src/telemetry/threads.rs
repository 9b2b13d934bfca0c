//! How much of the pools of threads is taken.

use opentelemetry::KeyValue;

use super::metrics::meter;

const THREADS: &str = "app.threads";
const POOL: &str = "app.thread.pool";
const STATE: &str = "app.thread.state";

/// Watches a pool: `read` gives its threads that work and its idle ones; none once it is gone.
pub fn pool(name: &'static str, read: impl Fn() -> Option<(usize, usize)> + Send + Sync + 'static) {
    meter()
        .i64_observable_up_down_counter(THREADS)
        .with_unit("{thread}")
        .with_description("Threads of a pool, by what they do.")
        .with_callback(move |observer| {
            let Some((used, idle)) = read() else { return };
            for (state, count) in [("used", used), ("idle", idle)] {
                let attributes = [KeyValue::new(POOL, name), KeyValue::new(STATE, state)];
                observer.observe(i64::try_from(count).unwrap_or(i64::MAX), &attributes);
            }
        })
        .build();
}
