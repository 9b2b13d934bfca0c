//! The threads of handlers. How many they are, the limits of the classes say.

use bytesize::ByteSize;

use super::Environment;

/// Less is not sure to hold a handler and what is below it: in a debug build the deepest of the sample, an answer, takes
/// 276 KiB, a read 148 KiB; and a panic down there is logged by the same stack.
const SMALLEST_STACK: ByteSize = ByteSize::kib(512);

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
}
