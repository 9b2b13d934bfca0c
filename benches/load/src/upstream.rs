//! A provider of models as OpenAI's interface has it, as fast as it can be: its tokens are the times at which they were
//! written, and the figures that it keeps say when calls came.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use crate::{
    Result,
    figures::{now, tell},
    serving::until_stopped,
};

#[derive(clap::Args, Clone)]
pub(crate) struct Upstream {
    #[arg(default_value = "127.0.0.1:18100")]
    address: SocketAddr,
    /// Tokens of an answer
    #[arg(long, default_value_t = 100)]
    tokens: u32,
    /// Milliseconds between two tokens; a first one comes at once
    #[arg(long, default_value_t = 20)]
    gap: u64,
    /// Say nothing more after so many tokens, for ever
    #[arg(long)]
    stall_after: Option<u32>,
    /// Numbers of an embedding, where the request does not say
    #[arg(long, default_value_t = 512)]
    dimensions: usize,
}

/// What came here.
#[derive(Default)]
struct Seen {
    calls: u64,
    /// How long after a client had begun its request each call came, where the client said.
    arrivals: Vec<Duration>,
}

type Calls = Arc<Mutex<Seen>>;

impl Upstream {
    /// Ends on SIGINT or SIGTERM, and then says what it saw.
    pub(crate) async fn run(self) -> Result<()> {
        let calls = Calls::default();
        until_stopped(self.address, |stream| self.serve(stream, &calls)).await?;
        let Seen { calls, arrivals } = std::mem::take(&mut *calls.lock().expect("no panic"));
        println!("calls {calls}");
        tell("before_upstream", arrivals);
        Ok(())
    }

    fn serve(&self, stream: TcpStream, calls: &Calls) {
        let (play, calls) = (self.clone(), calls.clone());
        tokio::spawn(async move {
            let answer = service_fn(move |request| answer(play.clone(), calls.clone(), request));
            http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await.ok();
        });
    }
}

type Answer = Response<Either<Full<Bytes>, Tokens>>;

async fn answer(play: Upstream, calls: Calls, request: Request<Incoming>) -> Result<Answer> {
    let came = now();
    let is_chat = request.uri().path().ends_with("/chat/completions");
    let body: Value = serde_json::from_slice(&request.into_body().collect().await?.to_bytes())?;
    if !is_chat {
        return Ok(json_answer(&embeddings(&play, &body)));
    }
    let mut seen = calls.lock().expect("no panic");
    seen.calls += 1;
    seen.arrivals.extend(begun(&body.to_string()).map(|begun| came.saturating_sub(begun)));
    drop(seen);
    let response = Response::builder().header("content-type", "text/event-stream");
    Ok(response.body(Either::Right(Tokens::new(play)))?)
}

/// A client writes `begun=NANOSECONDS.` into its question.
fn begun(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once("begun=")?;
    Some(Duration::from_nanos(rest.split('.').next()?.parse().ok()?))
}

fn embeddings(play: &Upstream, body: &Value) -> Value {
    let texts = body["input"].as_array().map_or(1, Vec::len);
    let dimensions = body["dimensions"].as_u64().map_or(play.dimensions, |asked| asked as usize);
    let vector: Vec<f32> = (0..dimensions).map(|at| ((at % 7) as f32 - 3.0) / 100.0).collect();
    let data = (0..texts).map(|index| json!({ "index": index, "embedding": vector }));
    json!({ "data": data.collect::<Vec<_>>(), "model": body["model"], "usage": { "prompt_tokens": texts, "total_tokens": texts } })
}

fn json_answer(value: &Value) -> Answer {
    let mut response = Response::new(Either::Left(Full::from(value.to_string())));
    response
        .headers_mut()
        .insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    response
}

/// The body of an answer: no task and no channel of its own, so that thousands cost little.
struct Tokens {
    play: Upstream,
    said: u32,
    ticks: Pin<Box<Interval>>,
    is_over: bool,
}

impl Tokens {
    fn new(play: Upstream) -> Self {
        let gap = Duration::from_millis(play.gap.max(1));
        let mut ticks = interval_at(Instant::now(), gap);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { play, said: 0, ticks: Box::pin(ticks), is_over: false }
    }

    fn next(&mut self) -> Bytes {
        if self.said == self.play.tokens {
            self.is_over = true;
            let usage = json!({ "prompt_tokens": 10, "completion_tokens": self.said, "total_tokens": 10 + self.said });
            let last = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
            let usage = json!({ "choices": [], "usage": usage });
            return format!("data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n").into();
        }
        self.said += 1;
        let token = format!("{} ", now().as_nanos());
        let chunk = json!({ "model": "bench", "choices": [{ "index": 0, "delta": { "content": token } }] });
        format!("data: {chunk}\n\n").into()
    }
}

impl Body for Tokens {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if self.play.stall_after.is_some_and(|after| self.said >= after) {
            return Poll::Pending;
        }
        match self.ticks.as_mut().poll_tick(context) {
            Poll::Ready(_) => Poll::Ready(Some(Ok(Frame::data(self.next())))),
            Poll::Pending => Poll::Pending,
        }
    }
}
