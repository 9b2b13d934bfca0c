//! How long a first check will take, said before it starts.

use std::{num::NonZero, thread, time::Duration};

use crate::{
    catalog::{BuildSeconds, Catalog, Plan},
    error::Result,
};

/// A cold check of the default project took about this a crate on two cores.
const SECONDS_A_CRATE: f64 = 0.4;
const CORES_OF_THE_MEASUREMENT: u32 = 2;
/// More cores than this help little: the longest chain of crates decides.
const MOST_USEFUL_CORES: u32 = 8;

/// From the measured seconds of the plan's parts, or from the number of crates while there are none.
pub fn first_check(catalog: &Catalog, plan: &Plan<'_>, crates: usize) -> Result<Duration> {
    let parts = plan.parts.iter().map(|part| part.id.as_str());
    Ok(estimate(&catalog.build_seconds()?, parts, crates, cores()))
}

/// A check of a project whose crates are in the cache; none while it is not measured.
pub fn later_check(catalog: &Catalog) -> Result<Option<Duration>> {
    let measured = catalog.build_seconds()?;
    Ok(measured.later.map(|seconds| scaled(seconds, measured.cores, cores())))
}

fn cores() -> u32 {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    u32::try_from(cores).unwrap_or(MOST_USEFUL_CORES)
}

fn scaled(seconds: f64, then: Option<u32>, cores: u32) -> Duration {
    let then = then.unwrap_or(CORES_OF_THE_MEASUREMENT).clamp(1, MOST_USEFUL_CORES);
    Duration::from_secs_f64(seconds * f64::from(then) / f64::from(cores.clamp(1, MOST_USEFUL_CORES)))
}

fn estimate<'a>(
    measured: &BuildSeconds,
    parts: impl Iterator<Item = &'a str>,
    crates: usize,
    cores: u32,
) -> Duration {
    let seconds = match measured.seconds.contains_key("base") {
        true => parts.filter_map(|part| measured.seconds.get(part)).sum(),
        false => crates as f64 * SECONDS_A_CRATE,
    };
    scaled(seconds, measured.cores, cores)
}

/// `40 seconds`, `2 minutes`: as exact as an estimate may sound.
pub fn roughly(duration: Duration) -> String {
    let tens = (duration.as_secs_f64() / 10.0).ceil().max(1.0) * 10.0;
    match tens as u64 {
        seconds @ ..90 => format!("about {seconds} seconds"),
        seconds => format!("about {} minutes", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_seconds_come_before_the_number_of_crates() {
        let parts = ["base", "storage/sqlite"];
        let none = BuildSeconds::default();
        assert_eq!(estimate(&none, parts.into_iter(), 100, 2), Duration::from_secs(40));
        assert_eq!(estimate(&none, parts.into_iter(), 100, 64), Duration::from_secs(10));
        let seconds = [("base".to_owned(), 60.0), ("storage/sqlite".to_owned(), 20.0)].into();
        let measured = BuildSeconds { cores: Some(4), seconds, ..none };
        assert_eq!(estimate(&measured, parts.into_iter(), 100, 2), Duration::from_secs(160));
    }

    #[test]
    fn an_estimate_is_a_round_number() {
        for (seconds, text) in [
            (0, "about 10 seconds"),
            (11, "about 20 seconds"),
            (80, "about 80 seconds"),
            (95, "about 2 minutes"),
        ] {
            assert_eq!(roughly(Duration::from_secs(seconds)), text);
        }
    }
}
