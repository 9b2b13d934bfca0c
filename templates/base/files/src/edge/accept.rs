//! The accept loop. It is our own because `axum::serve` sets no timers: a client that never finishes its
//! headers would keep its connection for ever.

use std::{io::ErrorKind, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use super::{
    lifecycle::Lifecycle,
    server::{Pulse, TURN},
};

/// After the system refused a connection (out of file descriptors, usually), trying again at once would
/// only burn a core.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(500);

/// A connection, and the place that it holds until it ends.
pub struct Accepted {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    pub place: OwnedSemaphorePermit,
}

/// Says which variable to change, and to what, when the port is taken.
pub async fn bind(variable: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
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

/// Gives `serve` each connection for which there is a place, until the lifecycle closes. The listener is closed
/// then: what the system has accepted for us meanwhile is refused, not left hanging.
pub async fn accept(
    listener: TcpListener,
    places: Arc<Semaphore>,
    lifecycle: &Lifecycle,
    pulse: &Pulse,
    mut serve: impl FnMut(Accepted),
) {
    let mut accepted = pin!(next(&listener, &places));
    loop {
        pulse.beat();
        tokio::select! {
            biased;
            () = lifecycle.closed() => break,
            connection = &mut accepted => {
                serve(connection);
                accepted.set(next(&listener, &places));
            }
            () = sleep(TURN) => {}
        }
    }
    pulse.retire();
}

/// The next connection, once it has a place. In this order: a place that waits for a connection would be one
/// that a connection elsewhere waits for.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> Accepted {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Ok(place) = places.clone().acquire_owned().await {
                    return Accepted {
                        stream,
                        peer,
                        place,
                    };
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted: {error}");
                sleep(PAUSE_AFTER_REFUSAL).await;
            }
        }
    }
}
