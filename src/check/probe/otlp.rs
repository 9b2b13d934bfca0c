//! A receiver of OpenTelemetry's protocol over HTTP that keeps every byte, or one that never answers.

use std::{
    io::{self, BufReader, Write},
    net::TcpStream,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::{
    Finding,
    client::find,
    inbound::{Listener, Received, read_request},
    service::{Launch, TICK},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Answers,
    /// Reads everything and says nothing.
    Hangs,
}

pub struct Receiver {
    listener: Listener,
    exports: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    pub fn start(behaviour: Behaviour) -> Finding<Self> {
        let exports = Arc::new(Mutex::default());
        let kept = Arc::clone(&exports);
        let listener = Listener::start(move |stream| serve(stream, behaviour, &kept))
            .map_err(|error| format!("cannot listen for telemetry: {error}"))?;
        Ok(Self { listener, exports })
    }

    pub fn exports(&self) -> Vec<Received> {
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

    fn lock(&self) -> MutexGuard<'_, Vec<Received>> {
        self.exports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The launch of a service that tells this receiver.
pub fn exporting(launch: Launch, receiver: &Receiver) -> Launch {
    launch
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", receiver.listener.address))
        .with("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
}

/// Requests on one connection, one after the other.
fn serve(stream: TcpStream, behaviour: Behaviour, exports: &Mutex<Vec<Received>>) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::check::probe::client::Request;

    #[test]
    fn what_was_exported_can_be_searched() {
        let receiver = Receiver::start(Behaviour::Answers).expect("a receiver");
        let export = Request::new("POST", "/v1/traces").body("application/x-protobuf", *b"\x00\x01trace\xff");
        let mut exporter = TcpStream::connect(receiver.listener.address).expect("a connection");
        exporter.write_all(&export.head(receiver.listener.address)).expect("a head");
        exporter.write_all(&export.body).expect("a body");
        assert!(receiver.wait_for("/v1/traces", b"\x01trace", Duration::from_secs(5)));
        assert!(!receiver.has("/v1/metrics", b"trace"));
        let mut answer = [0; 15];
        exporter.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
    }
}
