//! The threads of handlers. How many they are, the limits of the classes say.

use bytesize::ByteSize;

use super::{Config, Environment};
use crate::edge::class::Class;

/// Less is not sure to hold a handler and what is below it: in a debug build the deepest of the sample, an answer, takes
/// 276 KiB, a read 148 KiB; and a panic down there is logged by the same stack.
const SMALLEST_STACK: ByteSize = ByteSize::kib(512);

/// What keeps the spans of all threads (`tracing-subscriber`) has room for 4,096 of them and fails beyond; some are for
/// jobs, drivers and the edge.
const MOST: u32 = 3_900;

#[derive(Clone, Debug)]
pub struct Threads {
    /// Of each thread. Memory is taken as far as it is used.
    pub stack_size: ByteSize,
    /// How many streams of events are made at once.
    pub streams: u32,
}

impl Threads {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let threads = Self {
            stack_size: environment.value("APP__THREADS__STACK_SIZE", "1MiB"),
            streams: environment.count("APP__THREADS__STREAMS", "2048"),
        };
        environment.rule(threads.stack_size >= SMALLEST_STACK, || {
            "APP__THREADS__STACK_SIZE must be at least 512KiB".to_owned()
        });
        threads
    }

    pub(super) fn check(&self, config: &Config, environment: &mut Environment) {
        let of_classes = Class::ALL.map(|class| class.limit(&config.limits));
        let all = of_classes
            .iter()
            .fold(self.streams, |all, limit| all.saturating_add(*limit));
        environment.rule(all <= MOST, || {
            format!(
                "APP__THREADS__STREAMS and APP__LIMITS__* are {all} threads together: \
                 a process can have {MOST}"
            )
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(streams: &str) -> bool {
        let given = [
            ("APP__ENVIRONMENT", "development"),
            ("APP__THREADS__STREAMS", streams),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Config::read(&mut Environment::new(given)).is_ok()
    }

    #[test]
    fn more_threads_than_a_process_can_have_are_refused() {
        assert!(is_taken("2048"));
        // With those of requests it is more.
        assert!(!is_taken("3800"));
    }
}
