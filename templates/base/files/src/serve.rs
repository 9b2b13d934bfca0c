//! The life of a serving process: build, listen, run, drain.

#![expect(
    clippy::disallowed_methods,
    reason = "what is spawned here waits for the process's end or brings it about"
)]

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail};
use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep, timeout_at},
};

use crate::{
    app::{router, state::App},
    config::{Config, Stage},
    edge::{
        admin::{self, Health},
        lifecycle::Lifecycle,
        server::{Limits, Pulse, Server},
    },
    external::http::Http,
    maintenance,
};

/// Probes are few; whoever opens more than this on the admin listener is not a probe.
const ADMIN_CONNECTIONS: u32 = 64;

/// A built service whose sockets are bound.
pub struct Service {
    app: App,
    router: Router,
    public: TcpListener,
    admin: Option<TcpListener>,
}

impl Service {
    /// Opens the database and binds the listeners. With `migrate`, pending migrations are run; without, the
    /// start is refused while there are any.
    pub async fn start(config: Config, http: Http, migrate: bool) -> anyhow::Result<Self> {
        Self::start_with(config, http, migrate, router::router).await
    }

    /// The same with other routes.
    pub async fn start_with(
        config: Config,
        http: Http,
        migrate: bool,
        routes: impl FnOnce(&App) -> Router,
    ) -> anyhow::Result<Self> {
        let app = App::start(config, http).await?;
        if migrate {
            app.database.migrate().await?;
        }
        let pending = app.database.pending_migrations().await?;
        if !pending.is_empty() {
            bail!(
                "the database is behind: run the `migrate` command first. Pending: {}",
                pending.join(", ")
            );
        }
        let public = bind("APP__SERVER__ADDRESS", app.config.server.address).await?;
        let admin = match app.config.admin.address {
            Some(address) => Some(bind("APP__ADMIN__ADDRESS", address).await?),
            None => None,
        };
        let router = routes(&app);
        Ok(Self {
            app,
            router,
            public,
            admin,
        })
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.public.local_addr()
    }

    /// Where the health routes are: their own listener, or the public one where there is none.
    pub fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.admin.as_ref().unwrap_or(&self.public).local_addr()
    }

    pub fn lifecycle(&self) -> Lifecycle {
        self.app.lifecycle.clone()
    }

    /// Serves until the lifecycle closes. Whether everything that was begun also ended.
    pub async fn run(self) -> bool {
        let Self {
            app,
            router,
            public,
            admin,
        } = self;
        let server = &app.config.server;
        let pulse = Pulse::default();
        let health = admin::router(Health::new(&app, pulse.clone()));
        let limits = Limits {
            max_connections: server.max_connections,
            header_timeout: server.header_timeout,
            shutdown_grace: server.shutdown_grace,
        };
        // Before every limiter: a probe must be answered when nobody else is.
        let routes = if admin.is_some() {
            router
        } else {
            health.clone().fallback_service(router)
        };
        let public = listen(public, routes, limits, &app.lifecycle, pulse);
        let upkeep = maintenance::run(app.clone());
        if let Some(admin) = admin {
            // It has a lifecycle of its own: it must answer `/ready` for as long as the process drains.
            let limits = Limits {
                max_connections: ADMIN_CONNECTIONS,
                ..limits
            };
            tokio::spawn(
                listen(
                    admin,
                    health,
                    limits,
                    &Lifecycle::default(),
                    Pulse::default(),
                )
                .run(),
            );
        }
        // One grace for all that was begun, whether its connection is still there or not.
        let grace_over = async {
            app.lifecycle.closed().await;
            Instant::now() + server.shutdown_grace
        };
        let (ended, (), end) = tokio::join!(public.run(), upkeep, grace_over);
        let finished = app.lifecycle.finish(end).await;
        // It waits for connections on loan, so it has its end too.
        let closed = timeout_at(end, app.database.close()).await;
        ended && finished && closed.is_ok()
    }
}

fn listen(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    lifecycle: &Lifecycle,
    pulse: Pulse,
) -> Server {
    Server {
        listener,
        router,
        limits,
        lifecycle: lifecycle.clone(),
        pulse,
    }
}

/// Says which variable to change, and to what, when the port is taken.
async fn bind(variable: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let free = TcpListener::bind(SocketAddr::new(address.ip(), 0))
                .await?
                .local_addr()?;
            bail!("{address} is taken by another process: set {variable}={free}, which is free now")
        }
        Err(error) => {
            Err(error).with_context(|| format!("{variable}={address} cannot be listened on"))
        }
    }
}

/// Drains on SIGTERM or SIGINT; the second signal ends the process at once.
pub fn stop_on_signals(config: &Config, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let drain_delay = config.server.drain_delay;
    let stage = config.stage;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => SignalKind::terminate(),
                _ = interrupt.recv() => SignalKind::interrupt(),
            }
        };
        next().await;
        let drain = tokio::spawn(drain(lifecycle, drain_delay, stage));
        let second = next().await;
        drain.abort();
        std::process::exit(128 + second.as_raw_value());
    });
    Ok(())
}

async fn drain(lifecycle: Lifecycle, delay: Duration, stage: Stage) {
    if stage == Stage::Production {
        tracing::info!(
            delay_s = delay.as_secs_f64(),
            "stopping: not ready from now on"
        );
    }
    lifecycle.drain();
    sleep(delay).await;
    lifecycle.close();
}
