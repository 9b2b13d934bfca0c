//! What the tests share.

pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod credential;
pub(crate) mod database;
pub(crate) mod isolation;
pub(crate) mod operation;
pub(crate) mod otlp;
pub(crate) mod process;
pub(crate) mod production;
pub(crate) mod receiver;
pub(crate) mod sender;
pub(crate) mod server;
pub(crate) mod size;
pub(crate) mod wait;

pub(crate) use self::{
    client::{Client, document},
    connection::Connection,
    process::Process,
    server::{Server, configuration},
    size::size,
    wait::eventually,
};
