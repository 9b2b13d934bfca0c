//! The public listener: one accept loop, whose connections the runtime's threads share.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

use super::{
    accept::bind,
    lifecycle::Lifecycle,
    server::{self, Limits, Pulse},
};
use crate::config::Config;

/// What must turn; `/live` fails where it does not, and says so.
pub(super) const TURNS: &str = "the accept loop";

pub struct Public(TcpListener);

impl Public {
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        let listener = bind("APP__SERVER__ADDRESS", config.server.address).await?;
        Ok(Self(listener))
    }

    pub fn address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }

    /// Serves until the lifecycle closes, then waits for what was begun. Whether all of it ended in time.
    pub async fn serve(
        self,
        router: Router,
        limits: Limits,
        lifecycle: &Lifecycle,
        pulse: &Pulse,
    ) -> bool {
        server::run(self.0, router, limits, lifecycle, pulse).await
    }
}
