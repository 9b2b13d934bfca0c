//! Chance, for waits that are not to end together.

use ring::rand::{SecureRandom as _, SystemRandom};

/// Of 0 to 1.
pub(crate) fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness all wait for the whole time, which is only less fair.
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}
