//! An answer as it arrives, and the ways in which it fails to.

use std::time::{Duration, Instant};

use service::external::llm::Error;
use tokio::time::{sleep, timeout};

use super::Asking;
use crate::support::eventually;

const QUESTION: &str = "When are parcels returned?";

/// What the provider may take to notice that somebody has left.
const SOON: Duration = Duration::from_millis(200);

/// Half of what the provider would take, and more than a loaded machine adds.
const LATEST: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_answer_arrives_token_by_token_and_says_what_it_took() {
    let asking = Asking::start().await;
    let mut completion = asking.ask(QUESTION).await.expect("a first token");
    assert!(completion.usage().is_estimated);
    assert_eq!(completion.finish_reason(), None);
    let (pieces, error) = asking.rest(&mut completion).await;
    assert_eq!(error, None);
    let text = pieces.concat();
    assert!(
        text.contains("Parcels are returned within thirty days."),
        "{text}"
    );
    assert!(pieces.len() > 5, "{pieces:?}");

    let usage = completion.usage();
    assert!(!usage.is_estimated);
    assert_eq!(usage.output_tokens, pieces.len() as u64);
    assert!(usage.input_tokens > 0);
    assert!(completion.finish_reason().is_some());
    assert_eq!(completion.model(), asking.server.app.config.llm.model);
    assert_eq!(asking.rest(&mut completion).await, (Vec::new(), None));
}

#[tokio::test]
async fn the_first_token_is_not_held_back_by_those_that_follow() {
    let asking = Asking::start().await;
    asking.provider_does("stall_after=1");
    let mut completion = asking.ask(QUESTION).await.expect("a first token");
    let mut context = asking.context();
    let first = completion.next(&context.external()).await;
    assert_eq!(first, Ok(Some("This".to_owned())));
}

#[tokio::test]
async fn what_goes_wrong_in_the_middle_is_an_error_after_what_came() {
    let asking = Asking::start().await;
    for fault in ["cut_after=3", "garbage_after=3"] {
        asking.provider_does(fault);
        let mut completion = asking.ask(QUESTION).await.expect("a first token");
        let (pieces, error) = asking.rest(&mut completion).await;
        assert_eq!(pieces.len(), 3, "{fault}");
        assert!(
            matches!(error, Some(Error::Broken(_))),
            "{fault}: {error:?}"
        );
        assert!(completion.usage().is_estimated, "{fault}");
        // It is over: nobody begins anew in its place.
        assert_eq!(asking.rest(&mut completion).await, (Vec::new(), None));
    }
    assert_eq!(asking.provider.stats().chats, 2);
}

#[tokio::test]
async fn silence_has_an_end_before_the_first_token_and_after_it() {
    let limit = Duration::from_secs(1);
    let variables = [
        ("APP__LLM__FIRST_TOKEN_TIMEOUT", "1s"),
        ("APP__LLM__TOKEN_TIMEOUT", "1s"),
    ];
    let asking = Asking::with(&variables).await;
    for silence in ["slow_headers=10s", "first_token=10s"] {
        asking.provider_does(silence);
        let begun = Instant::now();
        let late = asking.ask(QUESTION).await.err();
        assert_eq!(late, Some(Error::Late), "{silence}");
        assert_about(begun.elapsed(), limit);
    }
    asking.provider_does("stall_after=2");
    let mut completion = asking.ask(QUESTION).await.expect("a first token");
    let begun = Instant::now();
    let (pieces, error) = asking.rest(&mut completion).await;
    assert_eq!((pieces.len(), error), (2, Some(Error::Late)));
    assert_about(begun.elapsed(), limit);
}

#[tokio::test]
async fn an_answer_without_an_end_has_one_here() {
    let variables = [
        ("APP__LLM__TOTAL_TIMEOUT", "2s"),
        ("APP__LLM__TOKEN_TIMEOUT", "1s"),
    ];
    let asking = Asking::with(&variables).await;
    asking.provider_does("never_end gap=20ms");
    let begun = Instant::now();
    let mut completion = asking.ask(QUESTION).await.expect("a first token");
    let (pieces, error) = asking.rest(&mut completion).await;
    assert!(pieces.len() > 1, "{pieces:?}");
    assert_eq!(error, Some(Error::Late));
    assert_about(begun.elapsed(), Duration::from_secs(2));
}

/// However much there is to read.
#[tokio::test]
async fn who_reads_too_slowly_comes_too_late() {
    let variables = [
        ("APP__LLM__TOTAL_TIMEOUT", "2s"),
        ("APP__LLM__TOKEN_TIMEOUT", "1s"),
    ];
    let asking = Asking::with(&variables).await;
    asking.provider_does("never_end gap=1ms");
    let mut completion = asking.ask(QUESTION).await.expect("a first token");
    sleep(Duration::from_secs(3)).await;
    let rest = timeout(SOON, asking.rest(&mut completion)).await;
    let (pieces, error) = rest.expect("an end");
    assert_eq!((pieces.len(), error), (1, Some(Error::Late)));
}

#[tokio::test]
async fn a_deadline_ends_the_wait_for_the_first_token() {
    let asking = Asking::start().await;
    asking.provider_does("first_token=10s");
    let limit = Duration::from_millis(200);
    let begun = Instant::now();
    let late = asking.ask_within(limit, QUESTION).await.err();
    assert_eq!(late, Some(Error::Deadline));
    assert_about(begun.elapsed(), limit);
}

/// The client leaves before the first token, after a few, after many: the provider notices at once and stops.
#[tokio::test]
async fn whoever_leaves_is_not_paid_for_any_longer() {
    let asking = Asking::start().await;
    asking.provider_does("first_token=10s");
    let question = asking.ask_within(Duration::from_secs(60), QUESTION);
    let left = timeout(SOON, question).await;
    assert!(left.is_err(), "it was answered");
    assert_left(&asking, 1).await;

    for (times, tokens) in [(2, 3), (3, 30)] {
        asking.provider_does("never_end gap=1ms");
        let mut completion = asking.ask(QUESTION).await.expect("a first token");
        let mut context = asking.context();
        for _ in 0..tokens {
            let piece = completion.next(&context.external()).await;
            assert!(matches!(piece, Ok(Some(_))), "{piece:?}");
        }
        let usage = completion.usage();
        assert!(
            usage.is_estimated && usage.input_tokens > 0 && usage.output_tokens >= tokens,
            "{usage:?}"
        );
        drop(completion);
        assert_left(&asking, times).await;
    }
}

async fn assert_left(asking: &Asking, times: u64) {
    let begun = Instant::now();
    eventually("the provider to notice", async || {
        let stats = asking.provider.stats();
        (stats.left == times && stats.running == 0).then_some(())
    })
    .await;
    assert!(begun.elapsed() < LATEST, "{:?}", begun.elapsed());
}

/// Not before the limit, and not long after it, as far as a loaded machine can tell.
fn assert_about(took: Duration, limit: Duration) {
    let longest = limit + LATEST;
    assert!((limit..longest).contains(&took), "{took:?}");
}
