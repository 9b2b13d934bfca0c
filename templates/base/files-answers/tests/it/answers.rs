//! P4: an answer arrives as it is made. Without a key it ends with its client; with one it is made to its end and
//! read from anywhere. The provider is the simulator, which does what a question tells it.

mod durable;
mod ephemeral;
mod flood;
mod leaving;
mod resume;
mod stop;

use std::path::Path;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use service::simulator::{Rule, Simulator};

use crate::support::{Client, Process, Server};

const PATH: &str = "/v1/answers";

/// A service and the provider that it asks.
struct Asking {
    server: Server,
    provider: Simulator,
}

impl Asking {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let provider = Simulator::start().await.expect("a simulator");
        let base_url = provider.base_url();
        let server = Server::with(&wired(&base_url, variables)).await;
        Self { server, provider }
    }

    fn client(&self) -> Client {
        self.server.client("a")
    }
}

/// A service in a process of its own, which asks this provider.
async fn process(folder: &Path, provider: &Simulator, variables: &[(&str, &str)]) -> Process {
    let base_url = provider.base_url();
    Process::start_as("all", folder, &wired(&base_url, variables)).await
}

fn wired<'a>(base_url: &'a str, variables: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let provider = [
        ("APP__LLM__BASE_URL", base_url),
        ("APP__EMBEDDINGS__BASE_URL", base_url),
    ];
    [&provider, variables].concat()
}

fn rules(text: &str) -> Vec<Rule> {
    Rule::parse_all(text).expect("rules")
}

/// A question, and what the provider does with it.
fn question(words: &str) -> Value {
    json!({ "question": format!("Why? [[sim: {words}]]") })
}

async fn ask_for_json(client: &Client, words: &str, key: Option<&str>) -> Response {
    ask(client, "application/json", words, key).await
}

async fn ask_for_events(client: &Client, words: &str, key: Option<&str>) -> Response {
    ask(client, "text/event-stream", words, key).await
}

async fn ask(client: &Client, accept: &str, words: &str, key: Option<&str>) -> Response {
    let request = client.request(Method::POST, PATH).header("accept", accept);
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    let sent = request.json(&question(words)).send().await;
    sent.expect("an answer")
}

async fn resume(client: &Client, path: &str, seen: i64) -> Response {
    let request = client.request(Method::GET, &format!("{path}/events"));
    let sent = request.header("last-event-id", seen).send().await;
    sent.expect("an answer")
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    id: Option<i64>,
    name: String,
    data: Value,
}

impl Event {
    /// None for what is no event: a comment, or the time after which to come back.
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        Some(Self {
            id: field("id: ").map(|id| id.parse().expect("a number")),
            name: field("event: ")?.to_owned(),
            data: serde_json::from_str(field("data: ")?).expect("JSON"),
        })
    }
}

/// Reads an answer event by event.
struct Reader {
    response: Response,
    received: String,
}

impl Reader {
    fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        Self {
            response,
            received: String::new(),
        }
    }

    /// None once the answer has ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((text, rest)) = self.received.split_once("\n\n") {
                let event = Event::parse(text);
                self.received = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let chunk = self.response.chunk().await.ok()??;
            let text = std::str::from_utf8(&chunk).expect("text");
            self.received.push_str(text);
        }
    }

    async fn some(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await.expect("more events"));
        }
        events
    }

    async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn names(events: &[Event]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    names.dedup();
    names
}

fn text(events: &[Event]) -> String {
    let tokens = events.iter().filter(|event| event.name == "token");
    let texts = tokens.map(|event| event.data["text"].as_str().expect("text"));
    texts.collect()
}
