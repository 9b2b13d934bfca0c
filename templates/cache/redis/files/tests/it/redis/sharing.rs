//! Two instances, and one Redis.

use std::collections::BTreeSet;

use temp_dir::TempDir;
use tokio::task::JoinSet;

use super::{left, usage};
use crate::support::{
    Client, Process, Server,
    client::{header, problem},
    redis::{connect, fresh, keys},
};

/// So long that nothing ends while a test runs.
const KEPT: (&str, &str) = ("APP__CACHE__TIME_TO_LIVE", "1h");

/// One request comes back a minute, so none while a test runs.
const FOUR: [(&str, &str); 2] = [
    ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1"),
    ("APP__RATE_LIMIT__BURST", "4"),
];

#[tokio::test]
async fn what_one_process_has_loaded_the_other_finds() {
    let folder = TempDir::new().expect("a folder");
    let (one, other) = tokio::join!(
        Process::start(folder.path(), &[KEPT]),
        Process::start(folder.path(), &[KEPT])
    );
    let here = one.client("a").await;
    let there = here.at(other.address);
    here.create("one").await;
    assert_eq!(usage(&here).await, (1, 1));
    here.create("two").await;
    // As old as what the first one keeps, and at no cost.
    assert_eq!(usage(&there).await, (1, 0));
    one.kill().await;
    assert_eq!(usage(&there).await, (1, 0), "it outlives who loaded it");
}

#[tokio::test]
async fn two_processes_count_as_one() {
    let folder = TempDir::new().expect("a folder");
    let (one, other) = tokio::join!(
        Process::start(folder.path(), &FOUR),
        Process::start(folder.path(), &FOUR)
    );
    let here = one.client("a").await;
    let there = here.at(other.address);
    for (client, expected) in [(&here, 3), (&there, 2), (&here, 1), (&there, 0)] {
        let answer = client.get("/v1/documents").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "ratelimit-policy"), "\"default\";q=1;w=60");
        assert_eq!(left(&answer), expected);
    }
    for client in [&here, &there] {
        let answer = client.get("/v1/documents").await;
        assert_eq!(left(&answer), 0);
        let wait: u64 = header(&answer, "retry-after").parse().expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
        problem(answer, 429).await;
    }
    // Others have their own.
    let colleague = other.client("b").await;
    assert_eq!(left(&colleague.get("/v1/documents").await), 3);
}

/// A count that is read and then written would let through more.
#[tokio::test]
async fn who_asks_everywhere_at_once_gets_no_more() {
    let prefix = fresh();
    let variables = [
        ("APP__CACHE__PREFIX", prefix.as_str()),
        ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1"),
        ("APP__RATE_LIMIT__BURST", "20"),
    ];
    let (one, other) = tokio::join!(Server::with(&variables), Server::with(&variables));
    let mut asking = JoinSet::new();
    for server in [&one, &other].into_iter().cycle().take(60) {
        let client = server.client("a");
        asking.spawn(async move { client.get("/v1/documents").await.status() });
    }
    let answers = asking.join_all().await;
    let admitted = answers.iter().filter(|status| **status == 200).count();
    assert_eq!(admitted, 20, "{answers:?}");
}

/// Names that would run together if they were only joined, in an order that nobody has thought of.
#[tokio::test]
async fn nobody_sees_what_is_kept_for_somebody_else() {
    let folder = TempDir::new().expect("a folder");
    let (one, other) = tokio::join!(
        Process::start(folder.path(), &[KEPT]),
        Process::start(folder.path(), &[KEPT])
    );
    let mut dice = Dice::new();
    let mut tenants = BTreeSet::from(["a", "ab", "a:b", "1:a", ":"].map(str::to_owned));
    while tenants.len() < 12 {
        tenants.insert(dice.name());
    }
    let mut clients = Vec::new();
    for (count, tenant) in (0_i64..).zip(&tenants) {
        let client = one.client(tenant).await;
        for _ in 0..count {
            client.create("counted").await;
        }
        clients.push((count, client));
    }
    for _ in 0..100 {
        let (count, client) = &clients[dice.below(clients.len())];
        let process = [&one, &other][dice.below(2)];
        let (documents, _) = usage(&client.at(process.address)).await;
        assert_eq!(documents, *count, "{tenants:?}, {}", dice.seed);
    }
}

#[tokio::test]
async fn many_at_once_cost_one_load() {
    let server = Server::with(&[KEPT]).await;
    let client = server.client("a");
    client.create("one").await;
    let mut asking = JoinSet::new();
    for _ in 0..50 {
        let client: Client = client.clone();
        asking.spawn(async move { usage(&client).await });
    }
    let answers = asking.join_all().await;
    assert!(answers.iter().all(|(documents, _)| *documents == 1));
    let statements: u32 = answers.iter().map(|(_, statements)| statements).sum();
    assert_eq!(statements, 1, "of all of them together");
}

#[tokio::test]
async fn a_value_that_is_too_large_is_not_kept() {
    let prefix = fresh();
    let limit = ("APP__CACHE__VALUE_LIMIT", "16B");
    let server = Server::with(&[("APP__CACHE__PREFIX", &prefix), KEPT, limit]).await;
    let client = server.client("a");
    assert_eq!(usage(&client).await, (0, 1));
    assert_eq!(usage(&client).await, (0, 1));
    let kept = keys(&format!("{prefix}:cache")).await;
    assert_eq!(kept, Vec::<String>::new());
}

/// Whatever is written goes by itself, and says nothing of whose it is.
#[tokio::test]
async fn keys_end_and_name_nobody() {
    let prefix = fresh();
    let variables = [
        ("APP__CACHE__PREFIX", prefix.as_str()),
        KEPT,
        FOUR[0],
        FOUR[1],
    ];
    let server = Server::with(&variables).await;
    usage(&server.client("somebody")).await;
    let keys = keys(&prefix).await;
    for kind in ["cache", "rate"] {
        let is_one = |key: &&String| key.starts_with(&format!("{prefix}:{kind}:"));
        assert_eq!(keys.iter().filter(is_one).count(), 1, "{kind}: {keys:?}");
    }
    for key in keys {
        assert!(!key.contains("somebody"), "{key}");
        let mut ask = redis::cmd("PTTL");
        let left: i64 = ask
            .arg(&key)
            .query_async(&mut connect().await)
            .await
            .expect("a time");
        assert!(left > 0, "{key} has no end");
    }
}

/// Another shape, as of another version of the service: it is loaded anew.
#[tokio::test]
async fn what_cannot_be_read_is_loaded() {
    let prefix = fresh();
    let server = Server::with(&[("APP__CACHE__PREFIX", &prefix), KEPT]).await;
    let client = server.client("a");
    assert_eq!(usage(&client).await, (0, 1));
    for key in keys(&format!("{prefix}:cache")).await {
        let mut set = redis::cmd("SET");
        let set = set.arg(&key).arg("{\"documents\":\"many\"}").arg("KEEPTTL");
        let written = set.query_async::<()>(&mut connect().await).await;
        written.expect("a change");
    }
    assert_eq!(usage(&client).await, (0, 1));
    assert_eq!(usage(&client).await, (0, 0));
}

/// Throws that a failure can repeat: the seed is printed.
struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    fn new() -> Self {
        let seed = uuid::Uuid::now_v7().as_u64_pair().1 | 1;
        Self { seed, state: seed }
    }

    /// xorshift64.
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % end as u64).expect("a small number")
    }

    fn name(&mut self) -> String {
        const PARTS: [&str; 6] = ["a", "b", ":", "1", "::", "2:a"];
        let length = 1 + self.below(4);
        (0..length)
            .map(|_| PARTS[self.below(PARTS.len())])
            .collect()
    }
}
