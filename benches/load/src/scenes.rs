//! What the clients do.

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{io::AsyncReadExt as _, sync::Semaphore, task::JoinSet};

use crate::{
    Result, Target,
    client::Connection,
    figures::{now, tell},
    pace::{Pace, Request},
};

/// Connections are opened so many at a time: a service's backlog is finite.
const OPENING: usize = 64;

#[derive(clap::Args)]
pub(crate) struct Get {
    #[command(flatten)]
    target: Target,
    #[arg(long)]
    path: String,
    #[command(flatten)]
    pace: Pace,
}

impl Get {
    pub(crate) async fn run(self) -> Result<()> {
        let read = Request::Read { path: self.path };
        self.pace.run(&self.target, vec![("get", read)]).await
    }
}

/// Of five requests, four read and one creates.
#[derive(clap::Args)]
pub(crate) struct Crud {
    #[command(flatten)]
    target: Target,
    /// What is read
    #[arg(long)]
    path: String,
    #[command(flatten)]
    pace: Pace,
}

impl Crud {
    pub(crate) async fn run(self) -> Result<()> {
        let body = serde_json::json!({ "title": "Concrete", "body": "Sets in a form." }).to_string();
        let write = Request::Write { path: "/v1/documents".to_owned(), body };
        let mut mix = vec![("read", Request::Read { path: self.path }); 4];
        mix.push(("write", write));
        self.pace.run(&self.target, mix).await
    }
}

#[derive(clap::Args)]
pub(crate) struct Hold {
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value = "/v1/answers")]
    path: String,
    #[arg(long)]
    streams: usize,
    /// Each under a key of its own, so that it is durable
    #[arg(long)]
    durable: bool,
    /// Read the path instead of asking
    #[arg(long)]
    get: bool,
}

impl Hold {
    pub(crate) async fn run(self) -> Result<()> {
        let places = Arc::new(Semaphore::new(OPENING));
        let mut opening = JoinSet::new();
        for number in 0..self.streams {
            let (target, path, places) = (self.target.clone(), self.path.clone(), places.clone());
            let key = self.durable.then(|| format!("hold-{number}-{}", now().as_nanos()));
            let get = self.get;
            opening.spawn(async move {
                let _place = places.acquire_owned().await?;
                let mut connection = Connection::open(&target).await?;
                let response = match get {
                    true => connection.get(&path).await?,
                    false => connection.ask(&path, &format!("hold {number}?"), key).await?,
                };
                if response.status() != 200 {
                    return Err(format!("status {}", response.status()).into());
                }
                let mut body = response.into_body();
                body.frame().await.ok_or("an empty stream")??;
                Result::Ok((connection, body))
            });
        }
        let mut held = Vec::new();
        let mut refused = 0;
        while let Some(opened) = opening.join_next().await {
            match opened? {
                Ok(stream) => held.push(stream),
                Err(error) => {
                    refused += 1;
                    eprintln!("{error}");
                }
            }
        }
        println!("open {}\nrefused {refused}", held.len());
        let mut readers = JoinSet::new();
        for (connection, body) in held {
            readers.spawn(async move {
                let drained = drain(body).await;
                drop(connection);
                drained
            });
        }
        tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
        let mut ended = 0;
        while let Some(done) = readers.try_join_next() {
            ended += usize::from(done.is_ok());
        }
        println!("ended {ended}");
        Ok(())
    }
}

async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

#[derive(clap::Args)]
pub(crate) struct Relay {
    #[command(flatten)]
    target: Target,
    /// `/v1/answers`, or the provider's own path, to know what the way costs without the service
    #[arg(long, default_value = "/v1/answers")]
    path: String,
    #[arg(long, default_value_t = 50)]
    streams: usize,
    #[arg(long)]
    durable: bool,
    /// Over how many milliseconds they begin
    #[arg(long, default_value_t = 10_000)]
    over: u64,
}

impl Relay {
    pub(crate) async fn run(self) -> Result<()> {
        let mut readers = JoinSet::new();
        for number in 0..self.streams {
            let mut connection = Connection::open(&self.target).await?;
            let path = self.path.clone();
            let key = self.durable.then(|| format!("relay-{number}-{}", now().as_nanos()));
            let wait = Duration::from_millis(self.over * number as u64 / self.streams as u64);
            readers.spawn(async move {
                tokio::time::sleep(wait).await;
                let begun = now();
                let question = format!("begun={}. What is asked by {number}?", begun.as_nanos());
                let response = connection.ask(&path, &question, key).await?;
                if response.status() != 200 {
                    return Err(format!("status {}", response.status()).into());
                }
                tokens(response.into_body()).await
            });
        }
        let mut times = Vec::new();
        while let Some(done) = readers.join_next().await {
            times.extend(done??);
        }
        tell("relay", times);
        Ok(())
    }
}

/// How long each token was under way: its text is when it was written.
async fn tokens(mut body: Incoming) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    while let Some(frame) = body.frame().await {
        let came = now();
        let Ok(data) = frame?.into_data() else { continue };
        let text = String::from_utf8_lossy(&data).into_owned();
        let stamps = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() >= 12);
        let stamps = stamps.filter_map(|digits| digits.parse().ok()).map(Duration::from_nanos);
        // The clock's own time is near; an id that happens to be all digits is not.
        times.extend(
            stamps.map(|stamp| came.saturating_sub(stamp)).filter(|time| *time < Duration::from_secs(60)),
        );
    }
    Ok(times)
}

#[derive(clap::Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value = "/v1/answers")]
    path: String,
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// How often each asks, all in all
    #[arg(long, default_value_t = 5)]
    times: usize,
}

impl Retry {
    pub(crate) async fn run(self) -> Result<()> {
        let mut clients = JoinSet::new();
        for number in 0..self.clients {
            let (target, path, times) = (self.target.clone(), self.path.clone(), self.times);
            let key = format!("retry-{number}-{}", now().as_nanos());
            clients.spawn(async move {
                let mut answered = 0;
                for _ in 0..times {
                    let mut connection = Connection::open(&target).await?;
                    let response =
                        connection.ask(&path, &format!("retry {number}?"), Some(key.clone())).await?;
                    let status = response.status();
                    let first = response.into_body().frame().await;
                    answered += usize::from(status.is_success() && first.is_some());
                }
                Result::Ok(answered)
            });
        }
        let mut answered = 0;
        while let Some(done) = clients.join_next().await {
            answered += done??;
        }
        println!("asked {}\nanswered {answered}", self.clients * self.times);
        Ok(())
    }
}

#[derive(clap::Args)]
pub(crate) struct Jobs {
    #[command(flatten)]
    target: Target,
    #[arg(long, default_value_t = 1000)]
    jobs: usize,
    #[arg(long, default_value_t = 8)]
    connections: usize,
}

impl Jobs {
    /// From the first request to the end of the last job.
    pub(crate) async fn run(self) -> Result<()> {
        let begun = now();
        let mut senders = JoinSet::new();
        for sender in 0..self.connections {
            let (target, jobs) = (self.target.clone(), self.jobs / self.connections);
            senders.spawn(async move {
                let mut connection = Connection::open(&target).await?;
                let mut ids = Vec::new();
                for number in 0..jobs {
                    let key = format!("job-{sender}-{number}-{}", now().as_nanos());
                    let response =
                        connection.post("/v1/reports", r#"{"title":"All of it"}"#.to_owned(), key).await?;
                    if response.status() != 202 {
                        return Err(format!("status {}", response.status()).into());
                    }
                    let body = response.into_body().collect().await?.to_bytes();
                    let job: serde_json::Value = serde_json::from_slice(&body)?;
                    ids.push(job["id"].as_str().unwrap_or_default().to_owned());
                }
                Result::Ok((connection, ids))
            });
        }
        let mut started = Vec::new();
        while let Some(done) = senders.join_next().await {
            started.push(done??);
        }
        let enqueued = now() - begun;
        for (connection, ids) in &mut started {
            for id in ids {
                until_done(connection, id).await?;
            }
        }
        let done: usize = started.iter().map(|(_, ids)| ids.len()).sum();
        println!("enqueued_per_second {:.0}", done as f64 / enqueued.as_secs_f64());
        println!("jobs_per_second {:.0}", done as f64 / (now() - begun).as_secs_f64());
        Ok(())
    }
}

async fn until_done(connection: &mut Connection, id: &str) -> Result<()> {
    loop {
        let response = connection.get(&format!("/v1/jobs/{id}")).await?;
        let body = response.into_body().collect().await?.to_bytes();
        let job: serde_json::Value = serde_json::from_slice(&body)?;
        match job["state"].as_str() {
            Some("succeeded") => return Ok(()),
            Some("queued" | "running" | "waiting") => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => return Err(format!("a job came to {job}").into()),
        }
    }
}
