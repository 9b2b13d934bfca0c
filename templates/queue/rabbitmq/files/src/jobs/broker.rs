//! RabbitMQ. Only this and what is below it know which broker it is.

mod incoming;
mod line;
mod outgoing;
mod topology;

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

pub use self::{
    incoming::{Delivery, Subscription},
    line::is_url,
};
use self::{line::Line, outgoing::Outgoing};
use super::message::{Message, Queue, Unsent};
use crate::config;

pub const DEVELOPMENT_URL: &str = "amqp://guest:guest@127.0.0.1:5672/%2f";

/// The longest wait for an answer of the server.
const PATIENCE: Duration = Duration::from_secs(5);
const SILENT: &str = "RabbitMQ does not answer";

/// Connects when it is first needed, and again whenever it was cut off. Clones share the connections.
#[derive(Clone)]
pub struct Broker {
    config: config::Broker,
    /// A server that is short of memory or disk reads nothing from whoever publishes. What is received, and settled, has
    /// a connection of its own.
    outgoing: Arc<Mutex<Outgoing>>,
    incoming: Arc<Mutex<Line>>,
}

impl Broker {
    pub fn new(config: &config::Broker) -> Self {
        Self {
            config: config.clone(),
            outgoing: Arc::default(),
            incoming: Arc::default(),
        }
    }

    /// Whether it answers, just now.
    pub async fn check(&self) -> anyhow::Result<()> {
        self.outgoing.lock().await.connect(&self.config).await
    }

    /// Ends well when the server has stored it: an event in all queues that are bound to it, be it none.
    pub async fn publish(&self, message: &Message<'_>) -> Result<(), Unsent> {
        let mut outgoing = self.outgoing.lock().await;
        outgoing.send(&self.config, message).await
    }

    pub async fn subscribe(&self, queue: Queue) -> anyhow::Result<Subscription> {
        let connection = self.incoming.lock().await.connect(&self.config).await?;
        Subscription::open(&connection, &self.config.prefix, queue).await
    }
}
