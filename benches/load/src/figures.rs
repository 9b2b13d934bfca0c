//! Times, and what is said of them.

use std::time::Duration;

/// Of the machine's monotonic clock, which all its processes share.
pub(crate) fn now() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Prints how many there are, and their percentiles in milliseconds.
pub(crate) fn tell(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    println!("{name}_count {}", times.len());
    for (label, share) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)] {
        let at = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len().max(1)) - 1;
        let time = times.get(at).copied().unwrap_or_default();
        println!("{name}_{label}_ms {:.3}", time.as_secs_f64() * 1_000.0);
    }
}
