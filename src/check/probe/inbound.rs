//! The probe as a server: what a service calls from its side, such as a collector, is played here.

use std::{
    io::{self, BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use flate2::read::GzDecoder;

/// What somebody sent, as far as anybody here asks.
#[derive(Clone, Debug)]
pub struct Received {
    /// Such as `/v1/traces`.
    pub path: String,
    pub body: Vec<u8>,
}

/// Connections to a port of its own, each served on a thread of its own, until it is dropped.
pub struct Listener {
    pub address: SocketAddr,
    closed: Arc<AtomicBool>,
}

impl Listener {
    pub fn start<S>(serve: S) -> io::Result<Self>
    where
        S: Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static,
    {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let listener = Self { address: socket.local_addr()?, closed: Arc::default() };
        let closed = listener.closed.clone();
        thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                let serve = serve.clone();
                // A connection that breaks is the caller's affair.
                thread::spawn(move || serve(stream).ok());
            }
        });
        Ok(listener)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the accept loop, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

/// The next request of a connection; none at its end.
pub fn read_request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut is_gzip, mut is_chunked) = (0, false, false);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        match header.split_once(':').map(|(name, value)| (name, value.trim())) {
            Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
            Some(("content-encoding", value)) => is_gzip = value == "gzip",
            Some(("transfer-encoding", value)) => is_chunked = value == "chunked",
            Some(_) => {}
            None => break,
        }
    }
    let body = if is_chunked { read_chunks(reader)? } else { read_exactly(reader, length)? };
    let body = if is_gzip { unzip(&body)? } else { body };
    Ok(Some(Received { path, body }))
}

fn read_exactly(reader: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        body.extend(read_exactly(reader, size)?);
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn unzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(body).read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together() {
        let body = read_chunks(&mut &b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"[..]).expect("a body");
        assert_eq!(body, b"abcde");
    }
}
