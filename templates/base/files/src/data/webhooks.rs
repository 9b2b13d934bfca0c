//! Webhooks, as rows. A delivery's job says how far it is; what is here is what it delivers, and to whom. Times
//! are milliseconds since 1970, by the database's clock.

pub mod callbacks;
pub mod deliveries;
pub mod endpoints;
pub mod sealed;
