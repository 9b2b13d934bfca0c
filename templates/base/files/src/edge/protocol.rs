//! Which protocol a client speaks. HTTP/2 begins with a preface that no request of HTTP/1 begins with, so the first bytes
//! of a connection say it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A connection whose first bytes were looked at; whoever reads it gets them first.
pub(super) struct Begun<S> {
    stream: S,
    first: [u8; PREFACE.len()],
    /// Of the first bytes, those that are still to be given.
    left: std::ops::Range<usize>,
}

impl<S: AsyncRead + Unpin> Begun<S> {
    /// Reads as far as the protocol takes to be clear.
    pub(super) async fn read(mut stream: S) -> io::Result<(Protocol, Self)> {
        let mut first = [0; PREFACE.len()];
        let mut read = 0;
        let protocol = loop {
            match stream.read(&mut first[read..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => read += more,
            }
            if first[..read] != PREFACE[..read] {
                break Protocol::Http1;
            }
            if read == PREFACE.len() {
                break Protocol::Http2;
            }
        };
        let left = 0..read;
        Ok((
            protocol,
            Self {
                stream,
                first,
                left,
            },
        ))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.left.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let given = this.left.len().min(buffer.remaining());
        buffer.put_slice(&this.first[this.left.start..this.left.start + given]);
        this.left.start += given;
        // What came with them goes along: hyper doubles its buffer for a head that comes in two pieces, and keeps it.
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    /// What is found of a client that says this, piece by piece, and then ends; and all that is read after that.
    async fn found(pieces: &[&[u8]]) -> io::Result<(Protocol, Vec<u8>)> {
        // One piece at a time fits.
        let largest = pieces.iter().map(|piece| piece.len()).max();
        let (mut theirs, ours) = duplex(largest.unwrap_or(1));
        let reads = tokio::spawn(async move {
            let (protocol, mut begun) = Begun::read(ours).await?;
            let mut all = Vec::new();
            begun.read_to_end(&mut all).await?;
            Ok((protocol, all))
        });
        for piece in pieces {
            theirs.write_all(piece).await?;
        }
        drop(theirs);
        reads.await.expect("no panic")
    }

    #[tokio::test]
    async fn the_protocol_is_found_wherever_its_first_bytes_are_cut_and_nothing_is_lost() {
        let http1 = b"PUT /v1/documents HTTP/1.1\r\nHost: here\r\n\r\n".as_slice();
        let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand more".as_slice();
        for (text, expected) in [(http1, Protocol::Http1), (http2, Protocol::Http2)] {
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            for pieces in [bytes, vec![text]] {
                let (protocol, all) = found(&pieces).await.expect("all of it");
                assert_eq!((protocol, all.as_slice()), (expected, text));
            }
        }
    }

    #[tokio::test]
    async fn what_came_with_the_first_bytes_is_read_with_them() {
        let head = b"GET /v1/documents HTTP/1.1\r\nHost: here\r\n\r\n";
        let (mut theirs, ours) = duplex(head.len());
        theirs.write_all(head).await.expect("it fits");
        let (_, mut begun) = Begun::read(ours).await.expect("a protocol");
        let mut buffer = [0; 128];
        let read = begun.read(&mut buffer).await.expect("a head");
        assert_eq!(&buffer[..read], head);
    }

    #[tokio::test]
    async fn who_leaves_before_it_is_clear_is_an_error() {
        let error = found(&[b"PRI * HT"]).await.expect_err("no protocol");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
