//! P6, P11: more than the service can do is refused early and plainly, and takes nobody else's place.

mod admission;
mod connections;
mod rate_limit;
