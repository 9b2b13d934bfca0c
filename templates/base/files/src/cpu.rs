//! Work that computes for more than some milliseconds, apart from what answers requests: it is done here, by a few plain
//! threads with a queue of bounded length. So it holds no thread that others wait for, and takes no more processors than
//! it was given, however much of it comes at once.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use tracing::Span;

use crate::{config, edge::problem::Problem, lock::LockAnyway as _, telemetry::metrics};

const RETRY_AFTER: Duration = Duration::from_secs(1);

type Task = Box<dyn FnOnce() + Send>;

/// Clones share the threads, which end after the last of them.
#[derive(Clone)]
pub struct Cpu {
    queue: SyncSender<Task>,
    load: Arc<Load>,
}

#[derive(Default)]
struct Load {
    queued: AtomicU32,
    running: AtomicU32,
}

impl Cpu {
    pub fn start(config: &config::Cpu) -> io::Result<Self> {
        let (queue, tasks) = sync_channel(config.queue as usize);
        let tasks = Arc::new(Mutex::new(tasks));
        for number in 1..=config.threads {
            let tasks = tasks.clone();
            let thread = thread::Builder::new().name(format!("cpu-{number}"));
            thread.spawn(move || work(&tasks))?;
        }
        let load = Arc::new(Load::default());
        let watched = load.clone();
        metrics::computing(config.threads, move || {
            let read = |count: &AtomicU32| count.load(Ordering::Relaxed);
            (read(&watched.running), read(&watched.queued))
        });
        Ok(Self { queue, load })
    }

    /// Has `work` done, and waits for it; 503 where too much waits already. What nobody waits for any more when its turn
    /// comes is not begun; what is begun is done, and its span, which is that of whoever asked, does not end before. A panic
    /// goes on in whoever waits.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        let (span, since, load) = (Span::current(), Instant::now(), self.load.clone());
        let task = move || {
            load.queued.fetch_sub(1, Ordering::Relaxed);
            if answer.is_closed() {
                return;
            }
            metrics::computation_waited(since.elapsed());
            load.running.fetch_add(1, Ordering::Relaxed);
            let result = span.in_scope(|| catch_unwind(AssertUnwindSafe(work)));
            load.running.fetch_sub(1, Ordering::Relaxed);
            // Whoever has the result may end the process with it, and a span that has not ended is not exported.
            drop(span);
            answer.send(result).ok();
        };
        self.load.queued.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(Box::new(task)).is_err() {
            self.load.queued.fetch_sub(1, Ordering::Relaxed);
            metrics::computation_refused();
            return Err(Problem::overloaded("overloaded", RETRY_AFTER));
        }
        match answered.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(Problem::internal(&"a computation was lost")),
        }
    }
}

/// One thread's life: task after task, until there is nobody who could have one.
fn work(tasks: &Mutex<Receiver<Task>>) {
    loop {
        let next = tasks.lock_anyway().recv();
        match next {
            // Work has its own net; this is for what panics when it is dropped.
            Ok(task) => {
                if catch_unwind(AssertUnwindSafe(task)).is_err() {
                    metrics::panicked();
                }
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use std::{
        sync::mpsc,
        task::{Wake, Waker},
    };

    use tracing::{Subscriber, span};
    use tracing_subscriber::{Layer, layer};

    use super::*;

    /// How many spans have ended.
    #[derive(Clone, Default)]
    pub(crate) struct Ended(Arc<AtomicU32>);

    impl<S: Subscriber> Layer<S> for Ended {
        fn on_close(&self, _: span::Id, _: layer::Context<'_, S>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Woken {
        ended: Ended,
        tells: mpsc::Sender<u32>,
    }

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.tells.send(self.ended.0.load(Ordering::SeqCst)).ok();
        }
    }

    impl Ended {
        /// A waker, and how many had ended when it was woken.
        pub(crate) fn when_woken(self) -> (Waker, mpsc::Receiver<u32>) {
            let (tells, told) = mpsc::channel();
            (Arc::new(Woken { ended: self, tells }).into(), told)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        pin::{Pin, pin},
        sync::atomic::AtomicBool,
        task::{Context, Poll},
    };

    use tokio::task::yield_now;
    use tracing::{Instrument as _, Subscriber, span};
    use tracing_subscriber::{Layer, Registry, layer, layer::SubscriberExt as _};

    use super::{samples::Ended, *};

    /// With one thread, and a place for one that waits.
    fn small() -> Cpu {
        let config = config::Cpu {
            threads: 1,
            queue: 1,
        };
        Cpu::start(&config).expect("a thread")
    }

    /// Keeps the thread busy until what this gives is dropped.
    async fn occupy(cpu: &Cpu) -> SyncSender<()> {
        let (begun, has_begun) = oneshot::channel();
        let (end, ended) = sync_channel(0);
        let cpu = cpu.clone();
        tokio::spawn(async move {
            let busy = move || {
                begun.send(()).ok();
                ended.recv().ok();
            };
            cpu.run(busy).await
        });
        has_begun.await.expect("a beginning");
        end
    }

    /// Begins to wait, and does not go on.
    async fn is_waiting<F: Future>(work: &mut Pin<&mut F>) -> bool {
        poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn what_finds_no_place_is_told_when_to_come_back() {
        let cpu = small();
        let busy = occupy(&cpu).await;
        let mut waiting = pin!(cpu.run(|| 1));
        assert!(is_waiting(&mut waiting).await);
        let refused = cpu.run(|| 2).await.expect_err("it is full");
        assert_eq!((refused.status, refused.wait()), (503, Some(RETRY_AFTER)));
        drop(busy);
        assert_eq!(waiting.await.expect("a turn"), 1);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_begun() {
        let cpu = small();
        let busy = occupy(&cpu).await;
        let is_begun = Arc::new(AtomicBool::new(false));
        {
            let is_begun = is_begun.clone();
            let mut left = pin!(cpu.run(move || is_begun.store(true, Ordering::SeqCst)));
            assert!(is_waiting(&mut left).await);
        }
        drop(busy);
        // It still had its place, and was before this one.
        while cpu.run(|| ()).await.is_err() {
            yield_now().await;
        }
        assert!(!is_begun.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_panic_is_that_of_who_asked() {
        let cpu = small();
        let asking = cpu.clone();
        let asked = tokio::spawn(async move { asking.run(|| panic!("of a test")).await });
        let ended: Result<Result<(), Problem>, _> = asked.await;
        assert!(ended.expect_err("a panic").is_panic());
        assert_eq!(cpu.run(|| 1).await.expect("the thread is there"), 1);
    }

    /// The threads that entered a span.
    #[derive(Clone, Default)]
    struct Entered(Arc<Mutex<Vec<Option<String>>>>);

    impl<S: Subscriber> Layer<S> for Entered {
        fn on_enter(&self, _: &span::Id, _: layer::Context<'_, S>) {
            let name = thread::current().name().map(ToOwned::to_owned);
            self.0.lock().expect("not poisoned").push(name);
        }
    }

    #[tokio::test]
    async fn it_is_done_in_the_span_of_who_asked() {
        let entered = Entered::default();
        let subscriber = Registry::default().with(entered.clone());
        let _guard = tracing::subscriber::set_default(subscriber);
        let asking = small();
        let span = tracing::info_span!("asking");
        let asked = asking.run(|| ()).instrument(span).await;
        asked.expect("a place");
        let entered = entered.0.lock().expect("not poisoned").clone();
        assert!(entered.contains(&Some("cpu-1".to_owned())), "{entered:?}");
    }

    #[tokio::test]
    async fn the_span_of_who_asked_may_end_before_there_is_a_result() {
        let ended = Ended::default();
        let subscriber = Registry::default().with(ended.clone());
        let _guard = tracing::subscriber::set_default(subscriber);
        let (waker, told) = ended.when_woken();
        let cpu = small();
        let busy = occupy(&cpu).await;
        let mut asked = pin!(cpu.run(|| ()));
        let ask = || asked.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(tracing::info_span!("asking").in_scope(ask).is_pending());
        drop(busy);
        assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(1));
    }
}
