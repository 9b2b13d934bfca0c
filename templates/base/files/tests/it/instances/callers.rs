//! Callers who ask the instances in turn, and the next one where one gives no answer. Whatever they ask for they ask for
//! twice under one key, as who does not know whether it was heard.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{DOCUMENTS, PATIENCE, PAUSE, REPORTS};
use crate::support::{Client, document, eventually};

/// A report among so many documents.
const REPORT: usize = 4;

/// Where the instances listen. Who takes the place of another one listens elsewhere.
#[derive(Clone)]
pub(super) struct Fronts(Arc<Mutex<[SocketAddr; 2]>>);

impl Fronts {
    pub(super) fn at(addresses: [SocketAddr; 2]) -> Self {
        Self(Arc::new(Mutex::new(addresses)))
    }

    pub(super) fn replace(&self, front: usize, address: SocketAddr) {
        self.0.lock().expect("no panic")[front] = address;
    }

    fn get(&self, turn: usize) -> SocketAddr {
        self.0.lock().expect("no panic")[turn % 2]
    }
}

pub(super) struct Caller {
    /// Of its tenant too.
    pub(super) name: &'static str,
    /// The ids of those that it has made.
    pub(super) documents: Vec<String>,
    /// Where the jobs are that make them.
    pub(super) reports: Vec<String>,
    client: Client,
    fronts: Fronts,
    turn: usize,
}

struct Answer {
    body: Bytes,
    location: String,
}

impl Caller {
    pub(super) fn new(name: &'static str, client: Client, fronts: Fronts) -> Self {
        Self {
            name,
            documents: Vec::new(),
            reports: Vec::new(),
            client,
            fronts,
            turn: 0,
        }
    }

    /// Each document once, whoever is asked; and each report is made.
    pub(super) async fn finds_all_that_it_made(&mut self) {
        self.documents.sort();
        for _ in 0..2 {
            let mut found = self.all_documents().await;
            found.sort();
            assert_eq!(found, self.documents);
        }
        for path in self.reports.clone() {
            let job = self.read(&path).await;
            let job: Value = serde_json::from_slice(&job).expect("JSON");
            assert_eq!(job["state"], "succeeded", "{job}");
        }
    }

    /// The ids of those that its tenant has, page by page.
    async fn all_documents(&mut self) -> Vec<String> {
        let first = format!("{DOCUMENTS}?limit=250");
        let mut path = first.clone();
        let mut ids = Vec::new();
        loop {
            let page: Value = serde_json::from_slice(&self.read(&path).await).expect("JSON");
            let items = page["items"].as_array().expect("items").iter();
            ids.extend(items.map(|item| item["id"].as_str().expect("an id").to_owned()));
            match page["next"].as_str() {
                Some(next) => path = format!("{first}&cursor={next}"),
                None => return ids,
            }
        }
    }

    async fn step(&mut self, number: usize, key: &str) {
        self.make_a_document(key).await;
        if number.is_multiple_of(REPORT) {
            self.ask_for_a_report(key).await;
        }
    }

    async fn make_a_document(&mut self, key: &str) {
        let body = document(key);
        let made = self.post_twice(DOCUMENTS, key, &body, StatusCode::CREATED);
        let made = made.await;
        let (_, id) = made.location.rsplit_once('/').expect("an id");
        self.documents.push(id.to_owned());
        assert_eq!(self.read(&made.location).await, made.body);
    }

    async fn ask_for_a_report(&mut self, key: &str) {
        let body = json!({ "title": key });
        let asked = self.post_twice(REPORTS, key, &body, StatusCode::ACCEPTED);
        let asked = asked.await;
        self.reports.push(asked.location);
    }

    /// The second time it is told what it was told the first time.
    async fn post_twice(
        &mut self,
        path: &str,
        key: &str,
        body: &Value,
        status: StatusCode,
    ) -> Answer {
        let request = |client: &Client| {
            let request = client.request(Method::POST, path);
            request.header("idempotency-key", key).json(body)
        };
        let first = self.answered(status, &request).await;
        let again = self.answered(status, &request).await;
        assert_eq!(again.body, first.body, "{path} {key}");
        assert_eq!(again.location, first.location, "{path} {key}");
        first
    }

    async fn read(&mut self, path: &str) -> Bytes {
        let request = |client: &Client| client.request(Method::GET, path);
        self.answered(StatusCode::OK, &request).await.body
    }

    /// The answer with this status, of whichever instance gives it.
    async fn answered(
        &mut self,
        status: StatusCode,
        request: &(impl Fn(&Client) -> RequestBuilder + Sync),
    ) -> Answer {
        let asking = async {
            loop {
                if let Some(answer) = self.ask(status, request).await {
                    return answer;
                }
                sleep(PAUSE).await;
            }
        };
        let answer = timeout(PATIENCE, asking).await;
        answer.expect("an answer of anybody")
    }

    /// None where it is to come again: nobody is there, or the key is still held by who was killed, or there is too much
    /// to do.
    async fn ask(
        &mut self,
        status: StatusCode,
        request: &(impl Fn(&Client) -> RequestBuilder + Sync),
    ) -> Option<Answer> {
        self.turn += 1;
        let client = self.client.at(self.fronts.get(self.turn));
        let answer = request(&client).send().await.ok()?;
        if matches!(answer.status().as_u16(), 409 | 503 | 504) {
            return None;
        }
        assert_eq!(answer.status(), status, "{}", answer.url());
        let location = answer.headers().get("location");
        let location = location.map(|value| value.to_str().expect("text").to_owned());
        Some(Answer {
            location: location.unwrap_or_default(),
            body: answer.bytes().await.ok()?,
        })
    }
}

/// Callers at work until they are told to stop.
pub(super) struct Load {
    running: JoinSet<Caller>,
    steps: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    pub(super) fn begin(callers: Vec<Caller>, round: usize) -> Self {
        let mut load = Self {
            running: JoinSet::new(),
            steps: Arc::default(),
            is_over: Arc::default(),
        };
        for mut caller in callers {
            let (steps, is_over) = (load.steps.clone(), load.is_over.clone());
            load.running.spawn(async move {
                for number in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    caller.step(number, &format!("{round}-{number}")).await;
                    steps.fetch_add(1, Ordering::Relaxed);
                    sleep(PAUSE).await;
                }
                caller
            });
        }
        load
    }

    /// Until they have done so many more steps, all together.
    pub(super) async fn does(&self, more: usize) {
        let before = self.steps.load(Ordering::Relaxed);
        eventually("the callers to go on", async || {
            (self.steps.load(Ordering::Relaxed) >= before + more).then_some(())
        })
        .await;
    }

    pub(super) async fn end(self) -> Vec<Caller> {
        self.is_over.store(true, Ordering::Relaxed);
        self.running.join_all().await
    }
}
