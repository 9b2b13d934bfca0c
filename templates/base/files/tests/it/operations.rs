//! P12: the service tells how it is, starts only when it can work, and ends without a failed request.

mod health;
mod outage;
mod shutdown;
mod start;
