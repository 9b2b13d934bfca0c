//! A server of HTTP/1.1 that runs until it is told to stop.

use std::net::SocketAddr;

use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
};

use crate::Result;

/// Gives each connection to `serve`, until SIGINT or SIGTERM.
pub(crate) async fn until_stopped(address: SocketAddr, serve: impl Fn(TcpStream)) -> Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening {}", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                serve(stream);
            }
            _ = terminate.recv() => return Ok(()),
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}
