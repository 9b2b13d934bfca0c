//! A receiver of OpenTelemetry's protocol over HTTP that keeps every byte, or one that never answers.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;

use super::{Finding, client::find, service::TICK};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Answers,
    /// Reads everything and says nothing.
    Hangs,
}

#[derive(Clone, Debug)]
pub struct Export {
    /// Such as `/v1/traces`.
    pub path: String,
    pub body: Vec<u8>,
}

pub struct Receiver {
    pub address: SocketAddr,
    exports: Arc<Mutex<Vec<Export>>>,
    closed: Arc<AtomicBool>,
}

impl Receiver {
    pub fn start(behaviour: Behaviour) -> Finding<Self> {
        let open = || -> io::Result<Self> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let receiver =
                Self { address: listener.local_addr()?, exports: Arc::default(), closed: Arc::default() };
            let (exports, closed) = (receiver.exports.clone(), receiver.closed.clone());
            thread::spawn(move || accept(&listener, behaviour, &exports, &closed));
            Ok(receiver)
        };
        open().map_err(|error| format!("cannot listen for telemetry: {error}"))
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn exports(&self) -> Vec<Export> {
        self.lock().clone()
    }

    /// Waits until an export to `path` has these bytes.
    pub fn wait_for(&self, path: &str, bytes: &[u8], patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            if self.has(path, bytes) {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(TICK);
        }
    }

    pub fn has(&self, path: &str, bytes: &[u8]) -> bool {
        self.lock().iter().any(|export| export.path == path && find(&export.body, bytes).is_some())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Export>> {
        self.exports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the accept loop, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(
    listener: &TcpListener,
    behaviour: Behaviour,
    exports: &Arc<Mutex<Vec<Export>>>,
    closed: &Arc<AtomicBool>,
) {
    for stream in listener.incoming().flatten() {
        if closed.load(Ordering::SeqCst) {
            return;
        }
        let exports = exports.clone();
        thread::spawn(move || {
            // A connection that breaks is the exporter's affair.
            let _ = serve(stream, behaviour, &exports);
        });
    }
}

/// Requests on one connection, one after the other.
fn serve(stream: TcpStream, behaviour: Behaviour, exports: &Mutex<Vec<Export>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(export) = read_request(&mut reader)? {
        if behaviour == Behaviour::Answers {
            exports.lock().unwrap_or_else(PoisonError::into_inner).push(export);
            writer.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
            )?;
        }
    }
    Ok(())
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Export>> {
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
    Ok(Some(Export { path, body }))
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
    use crate::check::probe::client::Request;

    #[test]
    fn what_was_exported_can_be_searched() {
        let receiver = Receiver::start(Behaviour::Answers).expect("a receiver");
        let export = Request::new("POST", "/v1/traces").body("application/x-protobuf", *b"\x00\x01trace\xff");
        let mut exporter = TcpStream::connect(receiver.address).expect("a connection");
        exporter.write_all(&export.head(receiver.address)).expect("a head");
        exporter.write_all(&export.body).expect("a body");
        assert!(receiver.wait_for("/v1/traces", b"\x01trace", Duration::from_secs(5)));
        assert!(!receiver.has("/v1/metrics", b"trace"));
        let mut answer = [0; 15];
        exporter.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
    }

    #[test]
    fn chunks_are_put_together() {
        let body = read_chunks(&mut &b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"[..]).expect("a body");
        assert_eq!(body, b"abcde");
    }
}
