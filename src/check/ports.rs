//! Ports to try for what is started later.

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Where to look: below the ports that systems give to outgoing connections.
const FIRST: u16 = 15_000;
/// How many there are. The second of a pair is never a candidate: a server may need it beside the first.
const PAIRS: u16 = 8_000;

/// Every first of a pair once. Processes at the same time begin at different places, and nobody in this one is told of
/// a port that another has just been told of; whether it is free is for the caller to find out.
pub fn candidates() -> impl Iterator<Item = u16> {
    static LOOKED_AT: AtomicU32 = AtomicU32::new(0);
    let begin = process::id().wrapping_mul(97);
    let next = move || begin.wrapping_add(LOOKED_AT.fetch_add(1, Ordering::Relaxed)) % u32::from(PAIRS);
    (0..PAIRS).map(move |_| FIRST + 2 * u16::try_from(next()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn two_who_look_at_once_look_at_different_ports_first() {
        let (mut one, mut other) = (candidates(), candidates());
        let ports: BTreeSet<u16> = one.by_ref().take(50).chain(other.by_ref().take(50)).collect();
        assert_eq!(ports.len(), 100);
        assert!(ports.iter().all(|port| (FIRST..FIRST + 2 * PAIRS).contains(port) && port % 2 == 0));
    }
}
