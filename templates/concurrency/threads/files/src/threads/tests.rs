//! What work on a thread may rely on, and what it cannot take from others.

use std::{
    collections::BTreeSet,
    future::pending,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::Context,
    thread,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{Instant, sleep as pause, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use super::*;
use crate::cpu::samples::Ended;

/// More than a loaded machine needs.
const SOON: Duration = Duration::from_secs(20);

/// So short that a test can wait for it, in which nothing happens that should not.
const A_MOMENT: Duration = Duration::from_millis(50);

fn terms() -> Terms {
    Terms {
        stack_size: 1024 * 1024,
        longest_wait: A_MOMENT,
        idle: SOON,
        runtime: Handle::current(),
        lifecycle: Lifecycle::default(),
        streams: None,
    }
}

fn pool(size: usize) -> Pool {
    Pool::new("test", size, terms())
}

async fn place(pool: &Pool) -> Place {
    pool.enter().await.expect("a place")
}

/// Does work that may block as a handler does, with room for two streams.
pub(crate) async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let mut terms = terms();
    terms.streams = Some(Pool::new("stream", 2, terms.clone()));
    let running = place(&Pool::new("test", 1, terms)).await.begin(work);
    running.await.expect("an end")
}

/// Tells when it is dropped.
struct Told(Option<oneshot::Sender<()>>);

impl Told {
    fn new() -> (Self, oneshot::Receiver<()>) {
        let (tells, told) = oneshot::channel();
        (Self(Some(tells)), told)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.0.take().map(|tells| tells.send(()));
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(SOON, what).await.expect("in time")
}

#[tokio::test]
async fn work_has_a_thread_with_a_name_and_waits_for_what_is_asynchronous() {
    let work = || {
        let waited = wait(async {
            pause(Duration::from_millis(1)).await;
            7
        });
        (thread::current().name().map(str::to_owned), waited)
    };
    let done = place(&pool(1)).await.begin(work).await.expect("an end");
    assert_eq!(done, (Some("test-1".to_owned()), 7));
}

#[tokio::test]
async fn work_that_nobody_wants_is_stopped_at_its_next_wait() {
    let pool = pool(1);
    let (begins, begun) = oneshot::channel();
    let (held, dropped) = Told::new();
    let running = place(&pool).await.begin(move || {
        let _held = held;
        begins.send(()).ok();
        wait(pending::<()>());
    });
    soon(begun).await.expect("it begins");
    assert!(pool.enter().await.is_none(), "the place is taken");
    drop(running);
    soon(dropped).await.expect("what it held is dropped");
    soon(async { while pool.enter().await.is_none() {} }).await;
}

/// Begins work that hears of nothing but what this gives, and that nobody waits for.
async fn holding(pool: &Pool) -> mpsc::SyncSender<()> {
    let (let_go, held) = mpsc::sync_channel(1);
    let (begins, begun) = oneshot::channel();
    let running = place(pool).await.begin(move || {
        begins.send(()).ok();
        held.recv().ok()
    });
    soon(begun).await.expect("it begins");
    drop(running);
    let_go
}

/// So a client that comes and goes cannot make more threads than there are places.
#[tokio::test]
async fn work_that_computes_on_keeps_its_place() {
    let pool = pool(1);
    let let_go = holding(&pool).await;
    assert!(pool.enter().await.is_none(), "the place is taken");
    let_go.send(()).expect("it waits");
    soon(async { while pool.enter().await.is_none() {} }).await;
}

/// Work counts as over by then, so the process may end, and only spans that have ended are exported.
#[tokio::test]
async fn the_span_of_work_has_ended_when_its_place_is_free() {
    let ended = Ended::default();
    let subscriber = Registry::default().with(ended.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let (waker, told) = ended.when_woken();
    let mut terms = terms();
    terms.longest_wait = SOON;
    let pool = Pool::new("test", 1, terms);
    let place = place(&pool).await;
    let (let_go, held) = mpsc::sync_channel(1);
    let span = tracing::info_span!("asking");
    let running = span.in_scope(|| place.begin(move || held.recv().ok()));
    drop(span);
    let mut next = pin!(pool.enter());
    let next = next.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(next.is_pending());
    let_go.send(()).expect("it waits");
    assert_eq!(told.recv_timeout(SOON), Ok(1));
    drop(running);
}

#[tokio::test]
async fn a_panic_costs_no_more_than_its_work() {
    let pool = pool(1);
    let broken = place(&pool).await.begin(|| panic!("on purpose")).await;
    let broken: Result<(), Broken> = broken;
    assert!(matches!(broken, Err(Broken::Panicked(_))), "{broken:?}");
    let name = || thread::current().name().map(str::to_owned);
    let name = soon(place(&pool).await.begin(name)).await.expect("an end");
    assert_eq!(name.as_deref(), Some("test-1"));
}

/// What rolls back, or settles, on the way out.
struct EndsInOrder(Arc<AtomicBool>);

impl Drop for EndsInOrder {
    fn drop(&mut self) {
        sleep(Duration::from_millis(1));
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn what_a_drop_waits_for_is_waited_for_on_the_way_out() {
    let is_over = Arc::new(AtomicBool::new(false));
    let (begins, begun) = oneshot::channel();
    let (held, dropped) = Told::new();
    let ends = EndsInOrder(is_over.clone());
    let running = place(&pool(1)).await.begin(move || {
        // Dropped in the opposite order.
        let (_held, _ends) = (held, ends);
        begins.send(()).ok();
        wait(pending::<()>());
    });
    soon(begun).await.expect("it begins");
    drop(running);
    soon(dropped).await.expect("it ends");
    assert!(is_over.load(Ordering::SeqCst));
}

#[tokio::test]
async fn what_is_left_for_afterwards_is_done_whatever_ended_the_work() {
    let pool = pool(1);
    for is_panic in [false, true] {
        let (tells, told) = oneshot::channel();
        let (begins, begun) = oneshot::channel();
        let running = place(&pool).await.begin(move || {
            afterwards(move || {
                sleep(Duration::from_millis(1));
                tells.send(()).ok();
            })
            .map_err(drop)
            .expect("a thread of a pool");
            begins.send(()).ok();
            assert!(!is_panic, "on purpose");
            wait(pending::<()>());
        });
        soon(begun).await.expect("it begins");
        drop(running);
        soon(told).await.expect("it is done");
    }
    assert!(afterwards(|| ()).is_err(), "this is none of a pool");
}

#[tokio::test]
async fn what_is_unstoppable_goes_on_and_what_follows_does_not() {
    let (begins, begun) = oneshot::channel();
    let (go_on, waits) = oneshot::channel::<()>();
    let (part, follows) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (held, dropped) = Told::new();
    let (done, followed) = (part.clone(), follows.clone());
    let running = place(&pool(1)).await.begin(move || {
        let _held = held;
        unstoppable(|| {
            begins.send(()).ok();
            wait(waits).ok();
            done.store(true, Ordering::SeqCst);
        });
        sleep(Duration::ZERO);
        followed.store(true, Ordering::SeqCst);
    });
    soon(begun).await.expect("it begins");
    drop(running);
    go_on.send(()).expect("it is not stopped");
    soon(dropped).await.expect("it ends");
    assert!(part.load(Ordering::SeqCst));
    assert!(!follows.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_part_may_end_earlier_than_the_work() {
    let stop = CancellationToken::new();
    let stops = stop.clone();
    let (begins, begun) = oneshot::channel();
    let running = place(&pool(1)).await.begin(move || {
        assert_eq!(until(&stop, || 1), Some(1));
        let given_up = until(&stop, || {
            begins.send(()).ok();
            wait(pending::<()>());
        });
        // Only the part was stopped.
        sleep(Duration::ZERO);
        given_up
    });
    soon(begun).await.expect("it begins");
    stops.cancel();
    assert_eq!(soon(running).await.expect("an end"), None);
}

#[tokio::test]
async fn a_part_is_stopped_with_the_work_too() {
    let (begins, begun) = oneshot::channel();
    let (held, dropped) = Told::new();
    let goes_on = Arc::new(AtomicBool::new(false));
    let went_on = goes_on.clone();
    let running = place(&pool(1)).await.begin(move || {
        let _held = held;
        until(&CancellationToken::new(), || {
            begins.send(()).ok();
            wait(pending::<()>());
        });
        went_on.store(true, Ordering::SeqCst);
    });
    soon(begun).await.expect("it begins");
    drop(running);
    soon(dropped).await.expect("it ends");
    assert!(!goes_on.load(Ordering::SeqCst));
}

#[tokio::test]
async fn there_are_no_more_threads_than_places_whoever_leaves() {
    const SIZE: usize = 3;
    let pool = pool(SIZE);
    let (tells, names) = mpsc::sync_channel(1_000);
    for n in 0..200 {
        let place = soon(async {
            loop {
                if let Some(place) = pool.enter().await {
                    return place;
                }
            }
        })
        .await;
        let tells = tells.clone();
        let running = place.begin(move || {
            tells.send(thread::current().name().map(str::to_owned)).ok();
            sleep(Duration::from_millis(n % 3));
        });
        if n % 2 == 0 {
            drop(running);
        } else {
            soon(running).await.expect("an end");
        }
    }
    drop(tells);
    let names: BTreeSet<String> = names.try_iter().flatten().collect();
    let known: BTreeSet<String> = (1..=SIZE).map(|n| format!("test-{n}")).collect();
    assert!(names.is_subset(&known), "{names:?}");
}

#[tokio::test]
async fn a_thread_that_has_nothing_to_do_ends_and_its_number_is_used_again() {
    let mut terms = terms();
    terms.idle = Duration::from_millis(1);
    let pool = Pool::new("test", 2, terms);
    let name = || thread::current().name().map(str::to_owned);
    for _ in 0..3 {
        let name = soon(place(&pool).await.begin(name)).await.expect("an end");
        assert_eq!(name.as_deref(), Some("test-1"));
        soon(async {
            while pool.threads() > 0 {
                pause(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn the_process_ends_after_work_that_was_stopped() {
    let terms = terms();
    let lifecycle = terms.lifecycle.clone();
    let pool = Pool::new("test", 1, terms);
    let let_go = holding(&pool).await;
    lifecycle.close();
    assert!(!lifecycle.finish(Instant::now() + A_MOMENT).await);
    let_go.send(()).expect("it waits");
    assert!(lifecycle.finish(Instant::now() + SOON).await);
}

#[tokio::test]
async fn whoever_watches_a_pool_does_not_keep_it() {
    let pool = pool(2);
    let taken = pool.watched();
    let held = place(&pool).await;
    assert_eq!(taken(), Some(1));
    drop((pool, held));
    assert_eq!(taken(), None);
}
