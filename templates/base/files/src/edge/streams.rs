//! The streams of one connection of HTTP/2. On HTTP/1 the socket tells of a client that asks for nothing, or does not read
//! what it is sent; here it may answer every ping all the while, and read every stream but one.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, HttpBody};
use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

use crate::lock::LockAnyway as _;

/// How long a connection may have no stream, and a stream leave all of its answer unread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) idle: Duration,
    pub(super) unread: Duration,
}

/// Clones share the streams.
#[derive(Clone)]
pub(super) struct Streams {
    bounds: Bounds,
    open: Arc<Mutex<Open>>,
}

struct Open {
    streams: HashMap<u64, Unread>,
    begun: u64,
    /// When there was something last, or was begun to look.
    since: Instant,
}

/// What waits for a window of the client.
struct Unread {
    pieces: usize,
    /// When some of it was taken last.
    since: Instant,
}

impl Streams {
    pub(super) fn new(bounds: Bounds) -> Self {
        let open = Open {
            streams: HashMap::new(),
            begun: 0,
            since: Instant::now(),
        };
        Self {
            bounds,
            open: Arc::new(Mutex::new(open)),
        }
    }

    /// It is open until the stream and all that is sent on it are dropped.
    pub(super) fn begin(&self) -> Arc<Stream> {
        let mut open = self.open.lock_anyway();
        let number = open.begun;
        open.begun += 1;
        let unread = Unread {
            pieces: 0,
            since: Instant::now(),
        };
        open.streams.insert(number, unread);
        Arc::new(Stream {
            number,
            open: self.open.clone(),
        })
    }

    /// Ends when the client asks for nothing any more, or leaves an answer unread: it is to ask on another connection.
    pub(super) async fn spent(&self) {
        self.wait(|open| open.spent(self.bounds)).await;
    }

    /// Ends when nobody waits for anything: every answer that there is is left unread, or there is none, for as long from
    /// now on.
    pub(super) async fn abandoned(&self) {
        self.open.lock_anyway().since = Instant::now();
        self.wait(|open| open.abandoned(self.bounds)).await;
    }

    /// Until the moment has come that `end` gives. What happens can only put it off, or give one that is a bound away.
    async fn wait(&self, end: impl Fn(&Open) -> Option<Instant>) {
        loop {
            let now = Instant::now();
            let end = end(&self.open.lock_anyway());
            if end.is_some_and(|end| end <= now) {
                return;
            }
            let look = now + self.bounds.idle.min(self.bounds.unread);
            sleep_until(end.map_or(look, |end| end.min(look))).await;
        }
    }
}

impl Open {
    /// When the first bound ends, as things are.
    fn spent(&self, bounds: Bounds) -> Option<Instant> {
        match self.streams.is_empty() {
            true => Some(self.since + bounds.idle),
            false => self.given_up(bounds).flatten().min(),
        }
    }

    /// When the last one ends.
    fn abandoned(&self, bounds: Bounds) -> Option<Instant> {
        if self.streams.is_empty() {
            return Some(self.since + bounds.idle);
        }
        let all: Option<Vec<Instant>> = self.given_up(bounds).collect();
        all?.into_iter().max()
    }

    /// When each stream is given up; none while it is the service's turn.
    fn given_up(&self, bounds: Bounds) -> impl Iterator<Item = Option<Instant>> {
        let streams = self.streams.values();
        streams.map(move |unread| (unread.pieces > 0).then(|| unread.since + bounds.unread))
    }
}

/// A request and its answer.
pub(super) struct Stream {
    number: u64,
    open: Arc<Mutex<Open>>,
}

impl Stream {
    fn change(&self, change: impl FnOnce(&mut Unread)) {
        if let Some(unread) = self.open.lock_anyway().streams.get_mut(&self.number) {
            unread.since = Instant::now();
            change(unread);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.open.lock_anyway();
        open.streams.remove(&self.number);
        open.since = Instant::now();
    }
}

/// A body that tells its stream what is sent of it.
pub(super) struct Sent {
    body: Body,
    stream: Arc<Stream>,
}

impl Sent {
    pub(super) fn new(body: Body, stream: Arc<Stream>) -> Self {
        Self { body, stream }
    }
}

impl HttpBody for Sent {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let piece = |bytes| Piece::new(bytes, &self.stream);
        frame.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A part of a body. It is handed over whole, taken as the client's windows open, and dropped when all of it was.
pub(super) struct Piece {
    bytes: Bytes,
    stream: Arc<Stream>,
}

impl Piece {
    fn new(bytes: Bytes, stream: &Arc<Stream>) -> Self {
        stream.change(|unread| unread.pieces += 1);
        Self {
            bytes,
            stream: stream.clone(),
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.stream.change(|_| ());
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.stream.change(|unread| unread.pieces -= 1);
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        idle: Duration::from_secs(10),
        unread: Duration::from_secs(30),
    };

    fn spent(streams: &Streams) -> Option<Instant> {
        streams.open.lock_anyway().spent(BOUNDS)
    }

    fn abandoned(streams: &Streams) -> Option<Instant> {
        streams.open.lock_anyway().abandoned(BOUNDS)
    }

    /// What an answer of three bytes hands over.
    async fn piece(streams: &Streams) -> Piece {
        let mut body = Sent::new(Body::from("yes"), streams.begin());
        let frame = body.frame().await.expect("a frame").expect("no error");
        frame.into_data().ok().expect("data")
    }

    #[test]
    fn a_connection_is_idle_from_the_end_of_its_last_stream_on() {
        let streams = Streams::new(BOUNDS);
        let stream = streams.begin();
        assert_eq!((spent(&streams), abandoned(&streams)), (None, None));
        let before = Instant::now();
        drop(stream);
        assert!(spent(&streams) >= Some(before + BOUNDS.idle));
        assert!(spent(&streams) <= Some(Instant::now() + BOUNDS.idle));
        assert_eq!(spent(&streams), abandoned(&streams));
    }

    #[tokio::test]
    async fn an_answer_is_unread_from_the_last_byte_on_that_was_taken() {
        let streams = Streams::new(BOUNDS);
        let mut piece = piece(&streams).await;
        for _ in 0..3 {
            let before = Instant::now();
            piece.advance(1);
            assert!(spent(&streams) >= Some(before + BOUNDS.unread));
            assert!(spent(&streams) <= Some(Instant::now() + BOUNDS.unread));
        }
        drop(piece);
        assert!(
            spent(&streams) <= Some(Instant::now() + BOUNDS.idle),
            "it is idle"
        );
    }

    #[tokio::test]
    async fn a_connection_is_abandoned_when_its_last_stream_is() {
        let streams = Streams::new(BOUNDS);
        let (first, works) = (piece(&streams).await, streams.begin());
        assert!(spent(&streams).is_some() && abandoned(&streams).is_none());
        let last = piece(&streams).await;
        drop(works);
        assert!(spent(&streams) < abandoned(&streams));
        drop(last);
        assert_eq!(spent(&streams), abandoned(&streams));
        drop(first);
    }
}
