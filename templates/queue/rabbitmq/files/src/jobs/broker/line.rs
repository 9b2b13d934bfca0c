//! A connection, made when it is needed and there is none.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, ensure};
use lapin::{Connection, ConnectionProperties, uri::AMQPUri};
use tokio::time::timeout;

use super::{PATIENCE, SILENT};
use crate::{config, jobs::relay::Rest};

/// Each side says so often that it is there, in seconds; one that was not heard for twice as long is gone.
const HEARTBEAT: u16 = 10;

/// After a connection could not be made, the next attempt waits, longer each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whether it can be that of a server. Where the host is none, or an IPv6 address, the client would take this machine's.
pub fn is_url(url: &str) -> bool {
    url.parse::<AMQPUri>()
        .is_ok_and(|uri| url.contains(&uri.authority.host))
}

#[derive(Default)]
pub(super) struct Line {
    connection: Option<Arc<Connection>>,
    rest: Rest,
}

impl Line {
    pub(super) async fn connect(
        &mut self,
        config: &config::Broker,
    ) -> anyhow::Result<Arc<Connection>> {
        if let Some(connection) = &self.connection
            && connection.status().connected()
        {
            return Ok(connection.clone());
        }
        let may_try = self.rest.left().is_none();
        ensure!(may_try, "RabbitMQ (APP__BROKER__URL) is cut off");
        let made = timeout(PATIENCE, connect(config)).await.context(SILENT);
        match made.flatten() {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *self = Self {
                    connection: Some(connection.clone()),
                    ..Self::default()
                };
                Ok(connection)
            }
            Err(error) => {
                self.rest.begin(FIRST_PAUSE, LONGEST_PAUSE);
                Err(error.context("RabbitMQ (APP__BROKER__URL) cannot be reached"))
            }
        }
    }
}

async fn connect(config: &config::Broker) -> anyhow::Result<Connection> {
    // What is wrong with it would be told with the password.
    let uri = config.url.expose().parse::<AMQPUri>();
    let mut uri = uri.map_err(|_| anyhow!("it is no URL of RabbitMQ"))?;
    uri.query.heartbeat = uri.query.heartbeat.or(Some(HEARTBEAT));
    let named = ConnectionProperties::default();
    let named = named.with_connection_name(config.prefix.as_str().into());
    Ok(Connection::connect_uri(uri, named).await?)
}

#[cfg(test)]
mod tests {
    use super::{super::DEVELOPMENT_URL, is_url};

    #[test]
    fn a_url_says_how_and_where() {
        for url in [
            DEVELOPMENT_URL,
            "amqps://user:secret@rabbitmq.example.com/orders",
            "amqp://localhost",
        ] {
            assert!(is_url(url), "{url}");
        }
        for url in [
            "127.0.0.1:5672",
            "http://127.0.0.1",
            "amqp://",
            "amqp://[::1]:5672",
            "amqp:// x",
            "",
        ] {
            assert!(!is_url(url), "{url}");
        }
    }
}
