//! A network between the service and a server, which can be cut, fall silent and be mended.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::yield_now,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// Whoever is connected is hung up on, and so is whoever connects.
    Cut,
    /// Whoever is connected hears nothing more, nor does whoever connects.
    Silent,
    /// Who was on the line when it fell silent still hears nothing; whoever connects is let through.
    FailedOver,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    /// A way to `server`, as `host:port`.
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (state, watched) = watch::channel(State::Whole);
        let connections = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(listener, server, watched, connections.clone()));
        Self {
            address,
            state,
            connections,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often somebody connected.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) async fn cut(&self) {
        self.state.send_replace(State::Cut);
        // The listener has one too.
        while self.state.receiver_count() > 1 {
            yield_now().await;
        }
    }

    /// Worse than a cut: nobody is told that the server is gone.
    pub(crate) fn fall_silent(&self) {
        self.state.send_replace(State::Silent);
    }

    /// For whoever connects from now on: who was on the line when it fell silent is hung up on.
    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Whole);
    }

    /// As when another machine has taken the address of one that is gone: nobody hangs up on who waits for that one.
    pub(crate) fn fail_over(&self) {
        self.state.send_replace(State::FailedOver);
    }
}

async fn serve(
    listener: TcpListener,
    server: String,
    state: watch::Receiver<State>,
    connections: Arc<AtomicUsize>,
) {
    while let Ok((client, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(pass(client, server.clone(), state.clone()));
    }
}

/// Until either side ends, or the network is in another state.
async fn pass(mut client: TcpStream, server: String, mut state: watch::Receiver<State>) {
    let is_let_through = |state: &State| matches!(state, State::Whole | State::FailedOver);
    let hangs_up = |state: &State| matches!(state, State::Whole | State::Cut);
    if is_let_through(&state.borrow_and_update()) {
        let Ok(mut server) = TcpStream::connect(server).await else {
            return;
        };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = state.wait_for(|state| !is_let_through(state)) => {}
        }
    }
    state.wait_for(hangs_up).await.ok();
}
