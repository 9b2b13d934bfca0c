//! The public listener, whose connections the cores serve. Every core listens by itself and the kernel spreads
//! connections, or one loop accepts and deals them out. Either way a connection stays on its core.

use std::{
    io,
    net::{Shutdown, SocketAddr},
    sync::Arc,
};

use axum::Router;
use socket2::{SockRef, Socket};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Handle,
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{
    accept::{Accepted, accept, bind},
    cores::Cores,
    lifecycle::Lifecycle,
    server::{Limits, Pulse, Server},
    watchdog::{Watched, vouch, watch},
};
use crate::config::{Accept, Config};

/// What must turn; `/live` fails where it does not, and says so.
pub(super) const TURNS: &str = "a core, or the accept loop beside them,";

/// How many connections the system keeps until they are accepted; the listener that was bound first has as many.
const BACKLOG: u32 = 128;

pub struct Public {
    address: SocketAddr,
    listeners: Listeners,
    cores: Cores,
}

enum Listeners {
    Each(Vec<Own>),
    One(TcpListener),
}

/// The listener of a core, and the socket below it: to be closed from outside, for the core may be held up.
struct Own {
    listener: TcpListener,
    socket: Socket,
}

impl Public {
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        let listener = bind("APP__SERVER__ADDRESS", config.server.address).await?;
        let address = listener.local_addr()?;
        let cores = Cores::start(config.cores.count())?;
        // Elsewhere sockets may share an address too, but one of them gets all connections.
        let listeners = match config.cores.accept {
            Accept::Each if cfg!(target_os = "linux") => Listeners::Each(share(listener, &cores)?),
            Accept::Each | Accept::One => Listeners::One(listener),
        };
        Ok(Self {
            address,
            listeners,
            cores,
        })
    }

    pub fn address(&self) -> Option<SocketAddr> {
        Some(self.address)
    }

    /// Serves until the lifecycle closes, then waits for what was begun. Whether all of it ended in time.
    pub async fn serve(
        self,
        router: Router,
        limits: Limits,
        lifecycle: &Lifecycle,
        pulse: &Pulse,
    ) -> bool {
        let cores = &self.cores;
        let watched: Vec<Watched> = (0..cores.handles().len()).map(Watched::new).collect();
        let pulses = watched.iter().map(Watched::pulse).collect();
        for (core, handle) in cores.handles().iter().enumerate() {
            handle.spawn(watch(core));
        }
        let serving = async {
            match self.listeners {
                Listeners::Each(own) => each(own, cores, pulses, router, limits, lifecycle).await,
                Listeners::One(one) => deal(one, cores, pulses, router, limits, lifecycle).await,
            }
        };
        let grace_over = async {
            lifecycle.closed().await;
            Instant::now() + limits.shutdown_grace
        };
        let watching = vouch(watched, pulse, lifecycle);
        let (ended, end, ()) = tokio::join!(serving, grace_over, watching);
        // All cores turn until then. What handlers began goes on where it was begun; and a call to somebody else's
        // service may use a connection that another core opened, and drives.
        let finished = lifecycle.finish(end).await;
        ended && finished
    }
}

/// A listener for each core. The first was bound as the only one of its address, so that whoever comes later with the
/// same address is told that it is taken.
fn share(first: TcpListener, cores: &Cores) -> io::Result<Vec<Own>> {
    let address = first.local_addr()?;
    SockRef::from(&first).set_reuse_port(true)?;
    let mut own = Vec::new();
    let mut first = Some(first);
    for core in cores.handles() {
        let listener = match first.take() {
            Some(first) => first,
            None => beside(address)?,
        };
        own.push(Own::on(core, listener)?);
    }
    Ok(own)
}

fn beside(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Own {
    fn on(core: &Handle, listener: TcpListener) -> io::Result<Self> {
        let listener = listener.into_std()?;
        let _on_core = core.enter();
        let listener = TcpListener::from_std(listener)?;
        let socket = SockRef::from(&listener).try_clone()?;
        Ok(Self { listener, socket })
    }
}

/// Every core accepts and serves what the kernel gives to its own listener.
async fn each(
    own: Vec<Own>,
    cores: &Cores,
    pulses: Vec<Pulse>,
    router: Router,
    limits: Limits,
    lifecycle: &Lifecycle,
) -> bool {
    let places = Arc::new(Semaphore::new(limits.max_connections as usize));
    let mut serving = JoinSet::new();
    let mut sockets = Vec::new();
    for ((Own { listener, socket }, core), pulse) in
        own.into_iter().zip(cores.handles()).zip(pulses)
    {
        sockets.push(socket);
        let server = Server::new(router.clone(), limits, lifecycle.clone());
        let (places, lifecycle) = (places.clone(), lifecycle.clone());
        let serve = async move {
            let serve = |accepted| server.serve(accepted);
            accept(listener, places, &lifecycle, &pulse, serve).await;
            server.end().await
        };
        serving.spawn_on(serve, core);
    }
    lifecycle.closed().await;
    let end = Instant::now() + limits.shutdown_grace;
    // All at once and from here: whoever is refused by one is refused by all, and a core may be held up.
    for socket in sockets {
        socket.shutdown(Shutdown::Both).ok();
    }
    timeout_at(end, all(serving)).await.unwrap_or(false)
}

/// Whether every one ended well.
async fn all(mut serving: JoinSet<bool>) -> bool {
    let mut ended = true;
    while let Some(result) = serving.join_next().await {
        ended &= result.unwrap_or(false);
    }
    ended
}

/// One loop accepts, and the cores get a connection in turn.
async fn deal(
    listener: TcpListener,
    cores: &Cores,
    pulses: Vec<Pulse>,
    router: Router,
    limits: Limits,
    lifecycle: &Lifecycle,
) -> bool {
    for (core, pulse) in cores.handles().iter().zip(pulses) {
        let lifecycle = lifecycle.clone();
        core.spawn(async move { pulse.turn(&lifecycle).await });
    }
    let places = Arc::new(Semaphore::new(limits.max_connections as usize));
    let server = Server::new(router, limits, lifecycle.clone());
    let mut turns = cores.handles().iter().cycle();
    let serve = |accepted| {
        let _on_core = turns.next().map(Handle::enter);
        match moved_here(accepted) {
            Ok(accepted) => server.serve(accepted),
            Err(error) => tracing::warn!(%error, "a connection came to no core: {error}"),
        }
    };
    // It needs no pulse of its own: whoever vouches for the cores does so in this same task.
    accept(listener, places, lifecycle, &Pulse::default(), serve).await;
    server.end().await
}

/// The connection, driven by the runtime that is entered.
fn moved_here(accepted: Accepted) -> io::Result<Accepted> {
    let stream = TcpStream::from_std(accepted.stream.into_std()?)?;
    Ok(Accepted { stream, ..accepted })
}
