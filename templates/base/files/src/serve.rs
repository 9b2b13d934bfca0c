//! The life of a serving process: build, listen, run, drain.

#![expect(
    clippy::disallowed_methods,
    reason = "what is spawned here waits for the process's end or brings it about"
)]

use std::{net::SocketAddr, time::Duration};

use anyhow::bail;
use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep, timeout_at},
};

use crate::{
    app::{router, state::App},
    config::Config,
    edge::{
        accept::bind,
        admin::{self, Health},
        lifecycle::Lifecycle,
        public::Public,
        server::{self, Limits, Pulse},
    },
    external::http::Http,
    jobs::worker,
};

/// Probes are few; whoever opens more than this on the admin listener is not a probe.
const ADMIN_CONNECTIONS: u32 = 64;

/// What a process does of all that the service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Answers requests.
    Serve,
    /// Works on jobs.
    Work,
    Both,
}

/// A built service whose sockets are bound.
pub struct Service {
    app: App,
    router: Router,
    duty: Duty,
    /// None where nobody is served.
    public: Option<Public>,
    admin: Option<TcpListener>,
}

impl Service {
    /// Opens the database and binds the listeners. With `migrate`, pending migrations are run; without, the
    /// start is refused while there are any.
    pub async fn start(
        config: Config,
        http: Http,
        duty: Duty,
        migrate: bool,
    ) -> anyhow::Result<Self> {
        Self::start_with(config, http, duty, migrate, router::router).await
    }

    /// The same with other routes.
    pub async fn start_with(
        config: Config,
        http: Http,
        duty: Duty,
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
        let public = match duty {
            Duty::Work => None,
            Duty::Serve | Duty::Both => Some(Public::bind(&app.config).await?),
        };
        let admin = match app.config.admin.address {
            Some(address) => Some(bind("APP__ADMIN__ADDRESS", address).await?),
            None => None,
        };
        let router = routes(&app);
        Ok(Self {
            app,
            router,
            duty,
            public,
            admin,
        })
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// Where requests are answered, if they are.
    pub fn address(&self) -> Option<SocketAddr> {
        self.public.as_ref()?.address()
    }

    /// Where the health routes are: their own listener, or the public one where there is none.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        match &self.admin {
            Some(admin) => admin.local_addr().ok(),
            None => self.address(),
        }
    }

    pub fn lifecycle(&self) -> Lifecycle {
        self.app.lifecycle.clone()
    }

    /// Serves and works until the lifecycle closes. Whether everything that was begun also ended.
    pub async fn run(self) -> bool {
        let Self {
            app,
            router,
            duty,
            public,
            admin,
        } = self;
        let settings = &app.config.server;
        let pulse = Pulse::default();
        let health = admin::router(Health::new(&app, pulse.clone()));
        let limits = Limits {
            max_connections: settings.max_connections,
            header_timeout: settings.header_timeout,
            write_timeout: settings.write_timeout,
            shutdown_grace: settings.shutdown_grace,
        };
        // Before every limiter: a probe must be answered when nobody else is.
        let routes = if admin.is_some() {
            router
        } else {
            health.clone().fallback_service(router)
        };
        let serving = async {
            match public {
                Some(public) => public.serve(routes, limits, &app.lifecycle, &pulse).await,
                None => {
                    pulse.turn(&app.lifecycle).await;
                    true
                }
            }
        };
        let working = async {
            if duty != Duty::Serve {
                worker::run(app.clone()).await;
            }
        };
        if let Some(admin) = admin {
            // It has a lifecycle of its own: it must answer `/ready` for as long as the process drains.
            let limits = Limits {
                max_connections: ADMIN_CONNECTIONS,
                ..limits
            };
            tokio::spawn(async move {
                server::run(
                    admin,
                    health,
                    limits,
                    &Lifecycle::default(),
                    &Pulse::default(),
                )
                .await
            });
        }
        // One grace for all that was begun, whether its connection is still there or not.
        let grace_over = async {
            app.lifecycle.closed().await;
            Instant::now() + settings.shutdown_grace
        };
        let (ended, (), end) = tokio::join!(serving, working, grace_over);
        let finished = app.lifecycle.finish(end).await;
        // It waits for connections on loan, so it has its end too.
        let closed = timeout_at(end, app.database.close()).await;
        ended && finished && closed.is_ok()
    }
}

/// Drains on SIGTERM or SIGINT; the second signal ends the process at once.
pub fn stop_on_signals(config: &Config, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let drain_delay = config.server.drain_delay;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => SignalKind::terminate(),
                _ = interrupt.recv() => SignalKind::interrupt(),
            }
        };
        next().await;
        let drain = tokio::spawn(drain(lifecycle, drain_delay));
        let second = next().await;
        drain.abort();
        std::process::exit(128 + second.as_raw_value());
    });
    Ok(())
}

async fn drain(lifecycle: Lifecycle, delay: Duration) {
    tracing::info!(
        delay_s = delay.as_secs_f64(),
        "stopping: not ready from now on"
    );
    lifecycle.drain();
    sleep(delay).await;
    lifecycle.close();
}
