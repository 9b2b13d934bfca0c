//! The provider of models, played by the probe: it does what a scene says, remembers its calls and sees who
//! leaves. The provider is the outside world; what is tested is the service that asks it.

use std::{
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Finding,
    dialect::{Dialect, embeddings},
    inbound::{Listener, Received, read_request},
    service::{Launch, TICK},
    subject::Subject,
};

/// How often a call that waits looks whether its caller is still there.
const LOOK: Duration = Duration::from_millis(5);

/// What becomes of a call.
#[derive(Clone, Debug)]
pub enum Scene {
    Refuses {
        status: u16,
        retry_after: Option<u32>,
    },
    /// Says all this in order, and ends as it should.
    Plays(Vec<Act>),
}

#[derive(Clone, Debug)]
pub enum Act {
    /// A piece of text; `{call}` in it is the call's number.
    Say(&'static str),
    /// Nothing, until the probe releases it.
    Hold,
    /// The connection breaks.
    Cut,
}

/// One question to a model, as the provider saw it.
#[derive(Clone, Debug)]
pub struct Call {
    pub model: String,
    pub end: Option<(End, Instant)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Finished,
    Refused,
    /// By the provider.
    Cut,
    /// By the service.
    Left,
}

pub struct Upstream {
    listener: Listener,
    stage: Stage,
}

#[derive(Clone, Default)]
struct Stage(Arc<Mutex<Play>>);

struct Play {
    scene: Scene,
    calls: Vec<Call>,
    /// How often `release` was said: a call that holds goes on with the next one.
    releases: usize,
    /// The probe has no more questions.
    is_over: bool,
}

impl Default for Play {
    fn default() -> Self {
        Self { scene: Scene::says(&["yes"]), calls: Vec::new(), releases: 0, is_over: false }
    }
}

impl Scene {
    pub fn says(pieces: &[&'static str]) -> Self {
        Self::Plays(pieces.iter().map(|piece| Act::Say(piece)).collect())
    }
}

impl Upstream {
    pub fn start(scene: Scene) -> Finding<Self> {
        let stage = Stage::default();
        stage.lock().scene = scene;
        let player = stage.clone();
        let listener = Listener::start(move |stream| player.serve(stream))
            .map_err(|error| format!("cannot play the provider: {error}"))?;
        Ok(Self { listener, stage })
    }

    /// The launch of a service that asks this provider.
    pub fn wire(&self, subject: &Subject, launch: Launch) -> Launch {
        let url = format!("http://{}/v1", self.listener.address);
        let variables = [
            ("APP__LLM__BASE_URL", url.as_str()),
            ("APP__LLM__API_KEY", "probe-key"),
            ("APP__EMBEDDINGS__BASE_URL", &url),
            ("APP__EMBEDDINGS__API_KEY", "probe-key"),
        ];
        variables.iter().fold(launch, |launch, (name, value)| subject.set(launch, name, value))
    }

    /// For calls that begin from now on.
    pub fn plays(&self, scene: Scene) {
        self.stage.lock().scene = scene;
    }

    /// Lets every call that holds go on.
    pub fn release(&self) {
        self.stage.lock().releases += 1;
    }

    pub fn calls(&self) -> Vec<Call> {
        self.stage.lock().calls.clone()
    }

    /// Waits until there have been this many calls.
    pub fn has_calls(&self, count: usize, patience: Duration) -> bool {
        wait_for(patience, || self.stage.lock().calls.len() >= count)
    }

    /// Waits until this call has ended, and says how.
    pub fn end(&self, number: usize, patience: Duration) -> Option<(End, Instant)> {
        let end = || self.stage.lock().calls.get(number).and_then(|call| call.end);
        wait_for(patience, || end().is_some());
        end()
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.address
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stage.lock().is_over = true;
    }
}

fn wait_for(patience: Duration, is_so: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !is_so() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(TICK);
    }
    true
}

impl Stage {
    fn lock(&self) -> MutexGuard<'_, Play> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request a connection.
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let Some(received) = read_request(&mut BufReader::new(stream.try_clone()?))? else { return Ok(()) };
        let asked: Value = serde_json::from_slice(&received.body).unwrap_or_default();
        match Dialect::of(&received.path) {
            Some(dialect) => self.answer(stream, dialect, &asked),
            None => other(stream, &received, &asked),
        }
    }

    fn answer(&self, stream: TcpStream, dialect: Dialect, asked: &Value) -> io::Result<()> {
        let model = asked["model"].as_str().unwrap_or_default().to_owned();
        let (number, scene, releases) = {
            let mut play = self.lock();
            play.calls.push(Call { model: model.clone(), end: None });
            (play.calls.len() - 1, play.scene.clone(), play.releases)
        };
        let is_streamed = asked["stream"] == true;
        let mut writer = Writer { stream, dialect, model, is_streamed, text: String::new() };
        let end = match scene {
            Scene::Refuses { status, retry_after } => writer.refuse(status, retry_after),
            Scene::Plays(acts) => self.play(&mut writer, &acts, number, releases),
        };
        // What cannot be written any more was not wanted any more.
        let end = end.unwrap_or(End::Left);
        self.lock().calls[number].end = Some((end, Instant::now()));
        Ok(())
    }

    fn play(&self, writer: &mut Writer, acts: &[Act], number: usize, mut releases: usize) -> io::Result<End> {
        writer.begin()?;
        for act in acts {
            match act {
                Act::Say(text) => writer.say(&text.replace("{call}", &number.to_string()))?,
                Act::Cut => return Ok(End::Cut),
                Act::Hold => {
                    while self.is_held(&mut releases) {
                        if has_left(&writer.stream)? {
                            return Ok(End::Left);
                        }
                    }
                }
            }
        }
        writer.finish()?;
        Ok(End::Finished)
    }

    /// Until the next release.
    fn is_held(&self, releases: &mut usize) -> bool {
        let play = self.lock();
        if play.releases == *releases && !play.is_over {
            return true;
        }
        *releases = play.releases;
        false
    }
}

/// Looks for a moment whether the other side has closed; it has nothing more to say.
fn has_left(stream: &TcpStream) -> io::Result<bool> {
    stream.set_read_timeout(Some(LOOK))?;
    match stream.peek(&mut [0]) {
        Ok(count) => Ok(count == 0),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// What is no question to a model.
fn other(mut stream: TcpStream, received: &Received, asked: &Value) -> io::Result<()> {
    match received.path.ends_with("/embeddings") {
        true => whole(&mut stream, 200, "", &embeddings(asked).to_string()),
        false => whole(&mut stream, 404, "", r#"{"error":{"message":"no such path"}}"#),
    }
}

fn whole(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// One answer in the caller's dialect: as events or as a whole.
struct Writer {
    stream: TcpStream,
    dialect: Dialect,
    model: String,
    is_streamed: bool,
    text: String,
}

impl Writer {
    fn refuse(&mut self, status: u16, retry_after: Option<u32>) -> io::Result<End> {
        let retry_after = retry_after.map(|seconds| format!("retry-after: {seconds}\r\n"));
        let body = self.dialect.refusal(status).to_string();
        whole(&mut self.stream, status, &retry_after.unwrap_or_default(), &body)?;
        Ok(End::Refused)
    }

    /// A stream's head comes before its first token, as providers send it: a service must not take it for one.
    fn begin(&mut self) -> io::Result<()> {
        if self.is_streamed {
            self.stream.write_all(
                b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\
                  transfer-encoding: chunked\r\n\r\n",
            )?;
            self.chunk(&self.dialect.opening(&self.model))?;
        }
        Ok(())
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.text.push_str(text);
        match self.is_streamed {
            true => self.chunk(&self.dialect.token(&self.model, text)),
            false => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.is_streamed {
            self.chunk(&self.dialect.closing(&self.model))?;
            return self.stream.write_all(b"0\r\n\r\n");
        }
        let body = self.dialect.whole(&self.model, &self.text).to_string();
        whole(&mut self.stream, 200, "", &body)
    }

    fn chunk(&self, bytes: &str) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        (&self.stream).write_all(format!("{:x}\r\n{bytes}\r\n", bytes.len()).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::probe::{client::Request, dialect::TOKENS, events::Answer};

    const SOON: Duration = Duration::from_secs(5);

    fn ask(path: &str, is_streamed: bool) -> Request {
        Request::new("POST", path).json(&json!({ "model": "m", "stream": is_streamed, "messages": [] }))
    }

    #[test]
    fn a_token_is_there_before_the_next_is_released() {
        let upstream =
            Upstream::start(Scene::Plays(vec![Act::Say("a{call}"), Act::Hold, Act::Say("b")])).expect("one");
        let answer = Answer::to(&ask("/v1/chat/completions", true), upstream.address()).expect("an answer");
        let mut stream = answer.stream("the answer").expect("a stream");
        let opening = stream.next(SOON).expect("an event").expect("an event");
        assert_eq!(opening.json()["choices"][0]["delta"]["role"], "assistant");
        let first = stream.next(SOON).expect("an event").expect("an event");
        assert_eq!(first.json()["choices"][0]["delta"]["content"], "a0");
        assert!(upstream.end(0, Duration::ZERO).is_none());
        upstream.release();
        let rest = stream.rest(SOON).expect("the rest");
        assert_eq!(rest.last().map(|event| event.data.as_str()), Some("[DONE]"));
        assert_eq!(rest[2].json()["usage"]["prompt_tokens"], TOKENS.0);
        assert_eq!(upstream.end(0, SOON).map(|(end, _)| end), Some(End::Finished));
    }

    #[test]
    fn a_caller_that_leaves_is_seen() {
        let upstream = Upstream::start(Scene::Plays(vec![Act::Hold])).expect("one");
        let answer = Answer::to(&ask("/v1/messages", true), upstream.address()).expect("an answer");
        let mut stream = answer.stream("the answer").expect("a stream");
        assert_eq!(stream.next(SOON).expect("an event").expect("an event").name, "message_start");
        assert!(upstream.has_calls(1, SOON));
        stream.abandon();
        assert_eq!(upstream.end(0, SOON).map(|(end, _)| end), Some(End::Left));
    }

    #[test]
    fn a_stream_that_is_cut_does_not_end_in_order() {
        let upstream = Upstream::start(Scene::Plays(vec![Act::Say("a"), Act::Cut])).expect("one");
        let answer = Answer::to(&ask("/v1/chat/completions", true), upstream.address()).expect("an answer");
        let mut stream = answer.stream("the answer").expect("a stream");
        assert!(stream.rest(SOON).expect_err("an error").contains("cut off"));
        assert_eq!(upstream.calls()[0].end.map(|(end, _)| end), Some(End::Cut));
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let upstream = Upstream::start(Scene::Refuses { status: 429, retry_after: Some(600) }).expect("one");
        let answer = ask("/v1/chat/completions", true).send(upstream.address()).expect("an answer");
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("600")));
    }

    #[test]
    fn a_whole_answer_and_embeddings() {
        let upstream = Upstream::start(Scene::says(&["a", "b"])).expect("one");
        let answer = ask("/v1/messages", false).send(upstream.address()).expect("an answer");
        assert_eq!(answer.json().expect("json")["content"][0]["text"], "ab");
        let embed = Request::new("POST", "/v1/embeddings")
            .json(&json!({ "model": "e", "input": ["one", "two"], "dimensions": 8 }));
        let answer = embed.send(upstream.address()).expect("an answer").json().expect("json");
        assert_eq!(answer["data"][1]["embedding"].as_array().map(Vec::len), Some(8));
        assert_ne!(answer["data"][0]["embedding"], answer["data"][1]["embedding"]);
        assert_eq!(upstream.calls().len(), 1);
    }
}
