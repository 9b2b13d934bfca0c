//! A connection of HTTP/1.1, and a request on it: no pool, so that what is measured is the service.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{Result, Target};

pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    target: Target,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, target: target.clone() })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Response<Incoming>> {
        let request = self.request("GET", path, "*/*").body(Full::default())?;
        self.send(request).await
    }

    /// Asks for an answer as events; with `key`, a durable one.
    pub(crate) async fn ask(
        &mut self,
        path: &str,
        question: &str,
        key: Option<String>,
    ) -> Result<Response<Incoming>> {
        let body = serde_json::json!({ "question": question }).to_string();
        let mut request =
            self.request("POST", path, "text/event-stream").header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::from(body))?;
        self.send(request).await
    }

    /// Sends JSON to where each request needs a key.
    pub(crate) async fn post(&mut self, path: &str, body: String, key: String) -> Result<Response<Incoming>> {
        let request = self.request("POST", path, "*/*").header("content-type", "application/json");
        let request = request.header("idempotency-key", key).body(Full::from(body))?;
        self.send(request).await
    }

    fn request(&self, method: &str, path: &str, accept: &str) -> hyper::http::request::Builder {
        let request =
            Request::builder().method(method).uri(path).header("host", self.target.address.to_string());
        request.header("authorization", &self.target.credential).header("accept", accept)
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}
