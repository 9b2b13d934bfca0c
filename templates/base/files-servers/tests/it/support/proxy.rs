//! A network between the service and a server, which can be cut and mended.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::yield_now,
};

pub(crate) struct Proxy {
    address: SocketAddr,
    is_cut: watch::Sender<bool>,
}

impl Proxy {
    /// A way to `server`, as `host:port`.
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (is_cut, cut) = watch::channel(false);
        tokio::spawn(serve(listener, server, cut));
        Self { address, is_cut }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whoever is connected is hung up on, and so is whoever connects from now on.
    pub(crate) async fn cut(&self) {
        self.is_cut.send_replace(true);
        // The listener has one too.
        while self.is_cut.receiver_count() > 1 {
            yield_now().await;
        }
    }

    pub(crate) fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn serve(listener: TcpListener, server: String, cut: watch::Receiver<bool>) {
    while let Ok((client, _)) = listener.accept().await {
        if !*cut.borrow() {
            tokio::spawn(pass(client, server.clone(), cut.clone()));
        }
    }
}

/// Until either side ends, or the cut.
async fn pass(mut client: TcpStream, server: String, mut cut: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = cut.wait_for(|is_cut| *is_cut) => {}
    }
}
