//! Asks a running instance how it is. An image without a shell has nothing else to do it with.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::{config::Config, edge::deadline::Deadline, external::http::Http};

/// Shorter than any health check's own limit.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(super) struct Health {
    /// Whether it should be sent requests, and not only whether it should live
    #[arg(long)]
    ready: bool,
}

impl Health {
    /// Asks at the admin address, or the public one where there is none; fails unless all is well.
    pub(super) async fn run(&self, config: &Config) -> anyhow::Result<()> {
        let address = reachable(config.admin.address.unwrap_or(config.server.address));
        let path = if self.ready { "ready" } else { "live" };
        let url = format!("http://{address}/{path}");
        let http = Http::new()?;
        let request = http.client().get(&url);
        let answer = http.send(request, Deadline::after(PATIENCE)).await;
        let answer = answer.with_context(|| format!("{url} does not answer"))?;
        let (status, body) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("{url} says {status}: {body}");
        }
        super::print(&body)
    }
}

/// Who listens everywhere is asked here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_here() {
        for (listens, asked) in [
            ("0.0.0.0:81", "127.0.0.1:81"),
            ("[::]:81", "[::1]:81"),
            ("10.0.0.7:81", "10.0.0.7:81"),
        ] {
            let listens = listens.parse().expect("an address");
            assert_eq!(reachable(listens).to_string(), asked);
        }
    }
}
