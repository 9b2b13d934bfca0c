//! What stands before the application: the listeners, and the layers that every request passes.

pub mod admin;
pub mod body;
pub mod client_address;
pub mod deadline;
pub mod events;
pub mod headers;
pub mod layers;
pub mod lifecycle;
pub mod observe;
pub mod overload;
mod patience;
pub mod problem;
pub mod rate_limit;
pub mod request_id;
pub mod server;
pub mod stall;
