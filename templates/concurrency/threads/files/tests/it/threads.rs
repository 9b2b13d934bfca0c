//! A handler may block: that costs its own request a thread, and nobody else anything.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    routing::{MethodRouter, get},
};
use reqwest::{Method, StatusCode};
use service::{
    app::{context::Context, router, state::App},
    data::meter::Meter,
    edge::{deadline::Deadline, endpoint::on_a_thread},
    threads::{sleep, wait},
};
use tokio::{sync::Notify, time::timeout};

use crate::support::{
    Server,
    client::{header, problem},
    document, eventually, files,
};

/// More than the machine has cores, and more than the edge has threads; less than there are places.
const MANY: usize = 200;

/// Far more than a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(20);

const ONE_READ: [(&str, &str); 2] = [
    ("APP__LIMITS__READS", "1"),
    ("APP__LIMITS__QUEUE_TIMEOUT", "1ms"),
];

/// Holds threads as a lock does that is not free: they sleep, and hear of nothing else.
#[derive(Clone, Default)]
struct Lock(Arc<(Mutex<Held>, Condvar)>);

#[derive(Default)]
struct Held {
    waiting: usize,
    is_free: bool,
}

impl Lock {
    fn wait(&self) -> &'static str {
        let (held, freed) = &*self.0;
        let mut state = held.lock().expect("not poisoned");
        state.waiting += 1;
        drop(freed.wait_while(state, |state| !state.is_free));
        "free"
    }

    fn free(&self) {
        let (held, freed) = &*self.0;
        held.lock().expect("not poisoned").is_free = true;
        freed.notify_all();
    }

    fn waiting(&self) -> usize {
        self.0.0.lock().expect("not poisoned").waiting
    }

    async fn is_waited_for(&self, by: usize) {
        eventually("handlers that block", async || {
            (self.waiting() >= by).then_some(())
        })
        .await;
    }

    fn held(&self) -> MethodRouter<App> {
        let (gets, posts) = (self.clone(), self.clone());
        get(on_a_thread(move || gets.wait())).post(on_a_thread(move || posts.wait()))
    }
}

#[tokio::test]
async fn handlers_that_block_harm_no_other_request() {
    let Some(_turn) = files::many(2 * MANY as u64).await else {
        return;
    };
    let lock = Lock::default();
    let (routes, _) = router::routes().split_for_parts();
    let routes = routes.route("/held", lock.held());
    let server = Server::with_routes(&[], routes).await;
    let client = server.client("a");
    let held: Vec<_> = (0..MANY)
        .map(|n| {
            let method = [Method::GET, Method::POST][n % 2].clone();
            tokio::spawn(client.request(method, "/held").send())
        })
        .collect();
    lock.is_waited_for(MANY).await;

    for n in 0..20 {
        let key = n.to_string();
        let beside = document("beside");
        let made = client.post_with_key("/v1/documents", &key, &beside);
        assert_eq!(made.await.status(), StatusCode::CREATED);
        assert_eq!(client.get("/v1/documents").await.status(), StatusCode::OK);
    }

    lock.free();
    for request in held {
        let answer = request.await.expect("no panic").expect("an answer");
        assert_eq!(answer.text().await.expect("text"), "free");
    }
}

#[tokio::test]
async fn who_finds_no_thread_is_told_when_to_come_back() {
    let lock = Lock::default();
    let routes = Router::new().route("/held", lock.held()).route(
        "/quick",
        get(on_a_thread(|| "read")).post(on_a_thread(|| "written")),
    );
    let server = Server::with_routes(&ONE_READ, routes).await;
    let client = server.stranger();
    let held = tokio::spawn(client.request(Method::GET, "/held").send());
    lock.is_waited_for(1).await;

    let refused = client.get("/quick").await;
    assert_eq!(header(&refused, "retry-after"), "1");
    problem(refused, 503).await;
    // The other class has threads of its own.
    let written = client.request(Method::POST, "/quick").send().await;
    assert_eq!(written.expect("an answer").status(), StatusCode::OK);

    lock.free();
    held.await.expect("no panic").expect("an answer");
    assert_eq!(client.get("/quick").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_panic_costs_its_request_and_no_thread() {
    let breaks = || -> &'static str { panic!("on purpose") };
    let routes = Router::new()
        .route("/breaks", get(on_a_thread(breaks)))
        .route("/quick", get(on_a_thread(|| "read")));
    let server = Server::with_routes(&ONE_READ, routes).await;
    let client = server.stranger();
    for _ in 0..3 {
        problem(client.get("/breaks").await, 500).await;
        eventually("its thread", async || {
            (client.get("/quick").await.status() == StatusCode::OK).then_some(())
        })
        .await;
    }
}

/// Opens a transaction, writes, and waits for what never comes.
fn write_and_wait(app: &App, has_written: &Notify) {
    let (deadline, meter) = (Deadline::after(PATIENCE), Meter::default());
    let mut transaction = wait(app.database.begin(deadline, &meter)).expect("a transaction");
    let writes = sqlx::query("CREATE TABLE left_behind (number INTEGER)");
    wait(transaction.execute(writes)).expect("a table");
    has_written.notify_one();
    sleep(PATIENCE);
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_thread_and_its_transaction_is_rolled_back() {
    let has_written = Arc::new(Notify::new());
    let tells = has_written.clone();
    let leaves = move |State(app): State<App>| write_and_wait(&app, &tells);
    let routes = Router::new()
        .route("/leaves", get(on_a_thread(leaves)))
        .route("/quick", get(on_a_thread(|| "read")));
    let server = Server::with_routes(&ONE_READ, routes).await;
    let client = server.stranger();
    let waits = tokio::spawn(client.request(Method::GET, "/leaves").send());
    has_written.notified().await;
    problem(client.get("/quick").await, 503).await;
    waits.abort();

    eventually("its thread", async || {
        (client.get("/quick").await.status() == StatusCode::OK).then_some(())
    })
    .await;
    // The only connection that writes is free again, and nothing was written.
    let (deadline, meter) = (Deadline::after(PATIENCE), Meter::default());
    let again = server.app.database.begin(deadline, &meter).await;
    let mut again = again.expect("the connection that it held");
    let writes = sqlx::query("CREATE TABLE left_behind (number INTEGER)");
    again.execute(writes).await.expect("no table");
}

#[tokio::test]
async fn a_deadline_reaches_its_handler_and_stops_it() {
    let (told, stopped) = (Arc::new(Mutex::new(None)), Arc::new(Notify::new()));
    let (tells, ends) = (told.clone(), stopped.clone());
    let waits = move |context: Context| {
        let _told = Ends(ends.clone());
        *tells.lock().expect("not poisoned") = Some(context.deadline().remaining());
        sleep(PATIENCE);
    };
    let routes = get(on_a_thread(waits.clone())).post(on_a_thread(waits));
    let server = Server::with_routes(&[], Router::new().route("/waits", routes)).await;
    for method in [Method::GET, Method::POST] {
        let request = server.client("a").request(method, "/waits");
        let request = request.header("x-request-timeout-ms", "200");
        problem(request.send().await.expect("an answer"), 504).await;
        let ended = timeout(PATIENCE, stopped.notified()).await;
        ended.expect("its thread is stopped");
        let left = told.lock().expect("not poisoned").take();
        assert!(left.expect("a deadline") <= Duration::from_millis(200));
    }
}

/// Tells of its end, however that comes.
struct Ends(Arc<Notify>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A thread that does not wait cannot be stopped; so it keeps its place, and who leaves and comes again finds no other.
#[tokio::test]
async fn clients_that_come_and_go_make_no_more_threads() {
    const PLACES: usize = 2;
    let variables = [
        ("APP__LIMITS__READS", "2"),
        ("APP__LIMITS__QUEUE_TIMEOUT", "1ms"),
    ];
    let names = Arc::new(Mutex::new(BTreeSet::new()));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (seen, counted, highest) = (names.clone(), running.clone(), most.clone());
    let computes = move || {
        let name = thread::current().name().map(str::to_owned);
        seen.lock().expect("not poisoned").extend(name);
        let now = counted.fetch_add(1, Ordering::SeqCst) + 1;
        highest.fetch_max(now, Ordering::SeqCst);
        // Not `threads::sleep`: this does not hear that nobody waits any more.
        thread::sleep(Duration::from_millis(20));
        counted.fetch_sub(1, Ordering::SeqCst);
    };
    let routes = Router::new().route("/computes", get(on_a_thread(computes)));
    let server = Server::with_routes(&variables, routes).await;
    let client = server.stranger();
    for _ in 0..100 {
        let leaves = client.request(Method::GET, "/computes");
        leaves.timeout(Duration::from_millis(5)).send().await.ok();
    }
    eventually("the end of all", async || {
        (running.load(Ordering::SeqCst) == 0).then_some(())
    })
    .await;
    let most = most.load(Ordering::SeqCst);
    assert!((1..=PLACES).contains(&most), "{most} at once");
    let names = names.lock().expect("not poisoned");
    let known = BTreeSet::from(["read-1", "read-2"].map(str::to_owned));
    assert!(names.is_subset(&known), "{names:?}");
}
