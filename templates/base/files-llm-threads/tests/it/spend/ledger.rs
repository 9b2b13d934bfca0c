//! What counts, for how long, and against whom.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reserved_counts_until_it_is_settled() {
    let purse = Purse::open().await;
    let first = purse.granted(claim(60)).await;
    assert_eq!(purse.today().await, (0, 60));
    purse.refused(claim(41)).await;
    assert!(purse.settle(first, 10).await);
    assert_eq!(purse.today().await, (10, 0));
    purse.granted(claim(90)).await;
    assert_eq!(purse.today().await, (10, 90));
    purse.refused(claim(1)).await;
}

/// The provider's bill is what it is, also when it is more than was expected.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_counts_even_beyond_the_limit() {
    let purse = Purse::open().await;
    let reservation = purse.granted(claim(100)).await;
    assert!(purse.settle(reservation, 150).await);
    assert_eq!(purse.today().await, (150, 0));
    purse.refused(claim(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_settled_once() {
    let purse = Purse::open().await;
    let reservation = purse.granted(claim(60)).await;
    assert!(purse.settle(reservation, 10).await);
    assert!(!purse.settle(reservation, 10).await);
    assert!(!purse.release(reservation).await, "it stays spent");
    assert_eq!(purse.today().await, (10, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_was_never_spent() {
    let purse = Purse::open().await;
    let reservation = purse.granted(claim(60)).await;
    assert!(purse.release(reservation).await);
    assert_eq!(purse.today().await, (0, 0));
    assert!(!purse.settle(reservation, 10).await);
    assert_eq!(purse.today().await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_has_its_own_limit() {
    let purse = Purse::open().await;
    purse.granted(claim(100)).await;
    for (tenant, subject) in [("t", "other"), ("other", "s"), ("ts", ""), ("", "ts")] {
        let theirs = Claim {
            tenant,
            subject,
            ..claim(100)
        };
        purse.granted(theirs).await;
        purse.refused(theirs).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_limit_everything_is_granted_and_counted() {
    let purse = Purse::open().await;
    let claim = Claim {
        limit: None,
        ..claim(1_000_000)
    };
    for _ in 0..3 {
        purse.granted(claim).await;
    }
    assert_eq!(purse.today().await, (0, 3_000_000));
}

/// A limit of nothing leaves what costs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_zero_is_a_limit() {
    let purse = Purse::open().await;
    let of = |amount| Claim {
        limit: Some(0),
        ..claim(amount)
    };
    purse.refused(of(1)).await;
    purse.granted(of(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_process_keeps_nothing_reserved_beyond_its_time() {
    let purse = Purse::open().await;
    let reservation = purse.granted(claim(100)).await;
    purse.refused(claim(1)).await;
    purse
        .change("UPDATE spend SET ends_at = ends_at - 3600000")
        .await;
    assert_eq!(purse.today().await, (0, 0));
    purse.granted(claim(50)).await;
    // It was only slow: what it spent is spent all the same.
    assert!(purse.settle(reservation, 70).await);
    assert_eq!(purse.today().await, (70, 50));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_day_has_all_of_its_limit() {
    let purse = Purse::open().await;
    let reservation = purse.granted(claim(100)).await;
    purse.settle(reservation, 100).await;
    let turns_in = purse.refused(claim(1)).await;
    assert!(
        turns_in <= Duration::from_millis(DAY_MS.unsigned_abs()),
        "{turns_in:?}"
    );
    purse.change("UPDATE spend_days SET day = day - 1").await;
    assert_eq!(purse.today().await, (0, 0));
    purse.granted(claim(100)).await;
}

/// It is over only once it is settled, so it counts on the day on which that happens.
#[tokio::test(flavor = "multi_thread")]
async fn what_runs_past_midnight_counts_on_the_new_day() {
    let purse = Purse::open().await;
    let reservation = purse.granted(claim(100)).await;
    purse.change("UPDATE spend_days SET day = day - 1").await;
    purse.refused(claim(1)).await;
    assert!(purse.settle(reservation, 30).await);
    assert_eq!(purse.today().await, (30, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_is_told_by_model() {
    let purse = Purse::open().await;
    for (model, amount) in [("small", 1), ("large", 20), ("large", 30)] {
        let reservation = purse.granted(claim(40)).await;
        let spent = Settlement {
            model,
            ..settlement(amount)
        };
        assert!(settle(&purse.app, reservation, spent).await);
    }
    let mut context = context(&purse.app);
    let mut connection = block_in_place(|| context.read()).expect("a connection");
    let today = spend::today(&mut connection, "t", "s").await;
    let day = today.expect("an answer").day;
    let models = spend::by_model(&mut connection, "t", "s", day).await;
    let models = models.expect("rows");
    let told = models.iter().map(|row| {
        let tokens = (row.input_tokens, row.output_tokens, row.cached_input_tokens);
        (row.model.as_str(), row.calls, row.amount, tokens)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [("large", 2, 50, (20, 10, 6)), ("small", 1, 1, (10, 5, 3))]
    );
    let before = spend::by_model(&mut connection, "t", "s", day - 1).await;
    assert_eq!(before.expect("rows"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_removed() {
    let purse = Purse::open().await;
    let settled = purse.granted(claim(10)).await;
    purse.settle(settled, 10).await;
    purse.granted(claim(10)).await;
    purse
        .change("UPDATE spend SET ends_at = ends_at - 7200000")
        .await;
    purse.change("UPDATE spend_days SET day = day - 2").await;
    purse.granted(claim(10)).await;

    let mut context = context(&purse.app);
    let mut connection = block_in_place(|| context.write()).expect("a connection");
    let removed = spend::purge(&mut connection, HOUR, 1).await;
    assert_eq!(removed.expect("an answer"), 1, "no more than was asked");
    let removed = spend::purge(&mut connection, HOUR / 2, 500).await;
    assert_eq!(removed.expect("an answer"), 1, "the new one stays");
    let removed = spend::purge_days(&mut connection, HOUR).await;
    assert_eq!(removed.expect("an answer"), 1, "today stays");
    drop(connection);
    assert_eq!(purse.today().await, (0, 10));
}
