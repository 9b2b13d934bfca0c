//! What hyper answers by itself: a head that it cannot read, or that is too large. It offers no way to say more, so
//! its bare status is told by its form, and gets what every other refusal has: a problem, and the headers of all
//! responses.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    headers,
    problem::Problem,
    request_id::{self, RequestId},
};

/// Writes hyper's own answers as ours.
pub(super) struct Refusals<S> {
    stream: S,
    /// What is still to be written of an answer of ours.
    left: Bytes,
}

impl<S> Refusals<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            left: Bytes::new(),
        }
    }
}

impl<S: AsyncWrite + Unpin> Refusals<S> {
    fn write_ours(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.left.has_remaining() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.left.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Refusals<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Refusals<S> {
    /// All of an answer of hyper's is taken once all of ours is written.
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.left.is_empty() {
            match Bare::read(bytes) {
                Some(bare) => self.left = bare.completed(),
                None => return Pin::new(&mut self.stream).poll_write(context, bytes),
            }
        }
        ready!(self.write_ours(context))?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            // An answer without a body is one slice.
            [only] => self.poll_write(context, only),
            _ => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
        }
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

/// An answer of hyper's own: nothing of ours is without a request id.
struct Bare<'a> {
    status: StatusCode,
    date: &'a str,
}

impl<'a> Bare<'a> {
    /// Only what is written at once and whole, so that no part of a body can be taken for one.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        if !bytes.starts_with(b"HTTP/1.1 4") {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let (status, fields) = text.strip_prefix("HTTP/1.1 ")?.split_once("\r\n")?;
        let date = fields
            .strip_prefix("connection: close\r\ncontent-length: 0\r\ndate: ")?
            .strip_suffix("\r\n\r\n")
            .filter(|date| !date.contains("\r\n"))?;
        let status = status.get(..3)?.parse().ok()?;
        let is_of_a_head = matches!(
            status,
            StatusCode::BAD_REQUEST
                | StatusCode::URI_TOO_LONG
                | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        );
        is_of_a_head.then_some(Self { status, date })
    }

    fn completed(&self) -> Bytes {
        let id = RequestId::of(&HeaderMap::new());
        let status = self.status;
        tracing::info!(
            status = status.as_u16(),
            request_id = id.0,
            "refused a head: {status}"
        );
        let problem = match status {
            StatusCode::BAD_REQUEST => Problem::bad_request("this is no HTTP request"),
            _ => Problem::new(status, "head-too-large"),
        };
        let body = serde_json::to_vec(&problem.instance(&id)).unwrap_or_default();
        let mut head = format!("HTTP/1.1 {status}\r\n").into_bytes();
        for (name, value) in &self.headers(&id, body.len()) {
            for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                head.extend_from_slice(piece);
            }
        }
        [head.as_slice(), b"\r\n", body.as_slice()].concat().into()
    }

    fn headers(&self, id: &RequestId, length: usize) -> HeaderMap {
        let mut all = HeaderMap::new();
        all.insert(header::CONNECTION, HeaderValue::from_static("close"));
        all.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        all.insert(header::CONTENT_LENGTH, length.into());
        headers::complete(&mut all);
        all.extend(id.header().map(|id| (request_id::HEADER, id)));
        let date = HeaderValue::from_str(self.date).ok();
        all.extend(date.map(|date| (header::DATE, date)));
        all
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const BARE: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
                        content-length: 0\r\ndate: Thu, 26 Nov 2026 01:04:25 GMT\r\n\r\n";

    #[test]
    fn only_what_hyper_says_by_itself_is_told_by_its_form() {
        assert!(Bare::read(BARE.as_bytes()).is_some());
        for other in [
            BARE.replace("431", "404"),
            BARE.replace("connection: close\r\n", ""),
            BARE.replace("date", "x-request-id: 1\r\ndate"),
            BARE.replace("GMT", "GMT\r\nvary: origin"),
            format!("{BARE}more"),
            BARE[1..].to_owned(),
        ] {
            assert!(Bare::read(other.as_bytes()).is_none(), "{other}");
        }
    }

    /// The other side takes a few bytes at a time.
    #[tokio::test]
    async fn ours_is_written_whole_in_its_place() {
        let (ours, mut theirs) = duplex(16);
        let mut ours = Refusals::new(ours);
        let writes = async {
            ours.write_all(b"before").await.expect("it is read");
            ours.write_all(BARE.as_bytes()).await.expect("it is read");
            ours.write_all(b"after").await.expect("it is read");
            drop(ours);
        };
        let mut text = String::new();
        let reads = theirs.read_to_string(&mut text);
        let (read, ()) = tokio::join!(reads, writes);
        read.expect("text");
        let text = text.strip_prefix("before").expect("what came before");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let body = body.strip_suffix("after").expect("what came after");
        assert!(head.contains(&format!("content-length: {}", body.len())));
        assert!(head.contains("date: Thu, 26 Nov 2026 01:04:25 GMT"));
        assert!(body.contains("urn:problem:head-too-large"), "{body}");
    }
}
