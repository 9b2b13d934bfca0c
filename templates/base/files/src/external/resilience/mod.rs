//! What every client of somebody else's service needs, one concern a file. A client has a `Guard` and asks through it:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use service::{edge::deadline::Deadline, external::resilience::{Error, Guard}};
//! # async fn ask() -> Result<(), Error> { Ok(()) }
//! # async fn example() -> Result<(), Error> {
//! let guard = Guard::new("weather", 16, Duration::from_millis(500));
//! let deadline = Deadline::after(Duration::from_secs(5));
//! guard.call(deadline, ask).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A service of which parts fail apart takes the pieces: one bulkhead, and a breaker a part.

pub mod breaker;
pub mod budget;
pub mod bulkhead;
mod error;
mod guard;
pub mod hedge;
pub mod retry;
pub mod retry_after;

pub use self::{error::Error, guard::Guard};
