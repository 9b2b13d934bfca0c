//! What happens when the provider is not well: it is not made worse, and callers learn soon what they can have.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use service::{
    edge::{deadline::Deadline, problem::Problem},
    external::llm::Error,
    jobs::Failure,
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use super::{Asking, PATIENCE, prompt};
use crate::support::eventually;

const QUESTION: &str = "When are parcels returned?";
const CALLS: u64 = 100;
/// With so many calls it is known how long they usually take.
const USUAL: u64 = 16;
/// Less than any wait that there could be, and more than a loaded machine takes.
const AT_ONCE: Duration = Duration::from_secs(8);
const FALLBACK: (&str, &str) = ("APP__LLM__FALLBACK_MODELS", "second");
const PRICES: (&str, &str) = (
    "APP__LLM__PRICES",
    "first=1/2,second=1/2,text-embedding-3-small=0",
);
const FIRST: (&str, &str) = ("APP__LLM__MODEL", "first");

/// A provider that has two models for us.
async fn two_models() -> Asking {
    Asking::with(&[FIRST, FALLBACK, PRICES]).await
}

/// The model that answered.
async fn answered_by(asking: &Asking) -> String {
    let completion = asking.ask(QUESTION).await.expect("an answer");
    completion.model().to_owned()
}

#[tokio::test]
async fn a_failure_that_passes_is_seen_by_nobody() {
    let asking = Asking::start().await;
    for status in [429, 500, 503, 529] {
        asking.provider_does(&format!("times=1 status={status}"));
        asking.ask(QUESTION).await.expect("an answer");
    }
    assert_eq!(asking.provider.stats().chats, 8);
}

#[tokio::test]
async fn a_wrong_question_is_asked_once() {
    let asking = Asking::start().await;
    asking.provider_does("status=400");
    let error = asking.ask(QUESTION).await.err().expect("a refusal");
    assert_eq!(asking.provider.stats().chats, 1);
    assert_eq!(
        Problem::from(error.clone()).kind,
        "urn:problem:upstream-refused"
    );
    assert!(matches!(Failure::from(error), Failure::Permanent(_)));
}

/// The worst that a client can do to a service in need.
#[tokio::test]
async fn a_provider_that_fails_for_all_is_not_asked_much_more_than_it_would_be_anyway() {
    for variables in [vec![], vec![FIRST, FALLBACK, PRICES]] {
        let asking = Asking::with(&variables).await;
        asking.provider_does("status=503");
        for _ in 0..CALLS {
            let error = asking.ask(QUESTION).await.err().expect("a failure");
            assert_eq!(Problem::from(error).status(), 503);
        }
        assert_not_amplified(&asking);
    }
}

/// As above, where it is slow and one in three requests fails: no breaker opens, and all are tempted to ask again.
#[tokio::test]
async fn a_brownout_is_not_made_worse() {
    let asking = Asking::start().await;
    asking.provider_does("every=3 status=503 slow_headers=50ms\nfirst_token=10ms");
    let ask = async || asking.ask(QUESTION).await.is_ok();
    let mut answered = 0;
    for _ in 0..CALLS / 4 {
        let four = tokio::join!(ask(), ask(), ask(), ask());
        answered += [four.0, four.1, four.2, four.3]
            .iter()
            .filter(|ok| **ok)
            .count();
    }
    assert!(answered as u64 > CALLS / 2, "{answered}");
    assert_not_amplified(&asking);
}

/// Whoever has less time than the model takes says nothing about the model.
#[tokio::test]
async fn callers_in_a_hurry_do_not_make_a_model_look_ill() {
    let asking = Asking::start().await;
    asking.provider_does("first_token=200ms");
    for _ in 0..10 {
        let hurry = Duration::from_millis(20);
        let error = asking.ask_within(hurry, QUESTION).await.err();
        assert_eq!(error, Some(Error::Deadline));
    }
    asking.ask(QUESTION).await.expect("an answer");
}

fn assert_not_amplified(asking: &Asking) {
    let asked = asking.provider.stats().chats;
    assert!(asked <= CALLS + CALLS / 5 + 10, "{asked}");
}

#[tokio::test]
async fn after_the_first_token_nothing_is_asked_again() {
    let asking = two_models().await;
    asking.provider_does("cut_after=1");
    let mut completion = asking.ask(QUESTION).await.expect("a first token");
    let (_, error) = asking.rest(&mut completion).await;
    assert!(error.is_some());
    assert_eq!(asking.provider.stats().chats, 1);
}

/// Each of its answers begins well.
#[tokio::test]
async fn a_model_whose_answers_always_break_off_is_left_alone() {
    let asking = two_models().await;
    asking.provider_does("model=first cut_after=1");
    for _ in 0..5 {
        let mut completion = asking.ask(QUESTION).await.expect("a first token");
        assert_eq!(completion.model(), "first");
        let (_, error) = asking.rest(&mut completion).await;
        assert!(error.is_some());
    }
    let completion = asking.ask(QUESTION).await.expect("a first token");
    assert_eq!(completion.model(), "second");
}

#[tokio::test]
async fn who_says_when_to_come_back_is_not_asked_earlier() {
    let asking = Asking::start().await;
    asking.provider_does("times=1 status=429 retry_after=2");
    let begun = Instant::now();
    asking.ask(QUESTION).await.expect("an answer");
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert_eq!(asking.provider.stats().chats, 2);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_told_at_once_and_nobody_asks_meanwhile() {
    let asking = Asking::start().await;
    asking.provider_does("status=429 retry_after=600");
    for _ in 0..3 {
        let begun = Instant::now();
        let error = asking.ask(QUESTION).await.err().expect("a refusal");
        assert!(begun.elapsed() < AT_ONCE);
        let problem = Problem::from(error.clone());
        assert_eq!(problem.status(), StatusCode::SERVICE_UNAVAILABLE);
        let wait = problem.wait().expect("a Retry-After").as_secs();
        assert!((500..=600).contains(&wait), "{wait}");
        assert!(matches!(Failure::from(error), Failure::RetryAfter(..)));
    }
    assert_eq!(asking.provider.stats().chats, 1);
}

#[tokio::test]
async fn the_next_model_answers_at_once_when_the_first_wants_to_be_left_alone() {
    let asking = two_models().await;
    asking.provider_does("model=first status=429 retry_after=600");
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(answered_by(&asking).await, "second");
        assert!(begun.elapsed() < AT_ONCE);
    }
    // The first was asked once, the second three times.
    assert_eq!(asking.provider.stats().chats, 4);
}

#[tokio::test]
async fn a_model_that_fails_is_left_alone_and_comes_back_by_itself() {
    let asking = two_models().await;
    asking.provider_does("model=first status=500");
    let failing = async || {
        answered_by(&asking).await;
        let before = asking.provider.stats().chats;
        assert_eq!(answered_by(&asking).await, "second");
        (asking.provider.stats().chats == before + 1).then_some(())
    };
    eventually("the first to be left alone", failing).await;

    asking.provider_does("");
    let recovered = async || (answered_by(&asking).await == "first").then_some(());
    eventually("the first to be asked again", recovered).await;
    assert_eq!(answered_by(&asking).await, "first");
}

#[tokio::test]
async fn calls_beyond_the_places_are_told_soon() {
    let variables = [
        ("APP__LLM__CONCURRENCY", "2"),
        ("APP__LLM__QUEUE_TIMEOUT", "50ms"),
    ];
    let asking = Asking::with(&variables).await;
    asking.provider_does("stall_after=1");
    let one = asking.ask(QUESTION).await.expect("a place");
    let _other = asking.ask(QUESTION).await.expect("a place");
    let error = asking.ask(QUESTION).await.err();
    assert_eq!(error, Some(Error::Busy));
    let problem = Problem::from(Error::Busy);
    assert_eq!(problem.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(problem.wait().is_some());
    assert_eq!(asking.provider.stats().chats, 2);

    drop(one);
    asking.ask(QUESTION).await.expect("its place");
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_told_soon() {
    let closed = "http://127.0.0.1:9/v1";
    let asking = Asking::with(&[("APP__LLM__BASE_URL", closed)]).await;
    let begun = Instant::now();
    let error = asking.ask(QUESTION).await.err().expect("a failure");
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert!(begun.elapsed() < AT_ONCE);
    let told = format!("{error} {error:?}");
    assert!(!told.contains("127.0.0.1"), "{told}");
    assert_eq!(Problem::from(error).status(), StatusCode::BAD_GATEWAY);
}

/// On HTTP/2 all calls would share one connection, which admits a hundred streams or so, and the others would wait
/// unseen. So it is not offered where the protocol is agreed upon: in the first message of TLS.
#[tokio::test]
async fn no_provider_is_offered_http_2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let url = format!("https://{address}/v1");
    let variables = [
        ("APP__LLM__BASE_URL", url.as_str()),
        ("APP__EMBEDDINGS__BASE_URL", url.as_str()),
    ];
    let asking = Asking::with(&variables).await;
    let ask = async || drop(asking.ask(QUESTION).await);
    for offered in [
        offer(&listener, ask()).await,
        offer(&listener, embed(&asking)).await,
    ] {
        let offers = |name: &str| {
            let length = u8::try_from(name.len()).expect("a short name");
            let name = [&[length], name.as_bytes()].concat();
            offered.windows(name.len()).any(|bytes| bytes == name)
        };
        assert!(offers("http/1.1") && !offers("h2"));
    }
}

/// The first that whoever asks says.
async fn offer(listener: &TcpListener, ask: impl Future<Output = ()>) -> Vec<u8> {
    let offered = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut offered = vec![0; 4_096];
        let length = stream.read(&mut offered).await.expect("bytes");
        offered.truncate(length);
        offered
    };
    tokio::select! {
        offered = offered => offered,
        () = ask => panic!("nobody was asked"),
    }
}

#[tokio::test]
async fn two_hundred_answers_are_under_way_at_once() {
    let asking = Asking::with(&[("APP__LLM__CONCURRENCY", "256")]).await;
    asking.provider_does("stall_after=1");
    let mut under_way = Vec::new();
    for _ in 0..200 {
        under_way.push(asking.ask(QUESTION).await.expect("a first token"));
    }
    assert_eq!(asking.provider.stats().running, 200);
}

/// The slow one never answers, so who waited for it would not be answered either. What that saves where many are asked
/// for, and what it costs, `external/resilience/hedge.rs` shows.
#[tokio::test]
async fn one_slow_answer_is_not_waited_for() {
    let asking = Asking::start().await;
    // Now it is known what is usual.
    for _ in 0..USUAL {
        embed(&asking).await;
    }
    asking.provider_does("kind=embeddings times=1 slow_headers=1h");
    embed(&asking).await;
    assert_eq!(asking.provider.stats().embeddings, USUAL + 2);
    let is_left = async || (asking.provider.stats().left == 1).then_some(());
    eventually("the end of the first request", is_left).await;
}

async fn embed(asking: &Asking) {
    let texts = [prompt(QUESTION).user];
    let embedded = asking.llm.embed(&texts, Deadline::after(PATIENCE)).await;
    embedded.expect("vectors");
}
