//! Many at once.

use super::*;

/// Whether there was room for what this caller might spend, which it then spent.
async fn spend_once(app: App, amount: i64, actual: i64) -> bool {
    let Reserved::Granted(reservation) = reserve(&app, claim(amount)).await else {
        return false;
    };
    tokio::task::yield_now().await;
    settle(&app, reservation, settlement(actual)).await
}

/// Two on one file, in turn.
async fn instances(purse: &Purse) -> impl Iterator<Item = App> + use<> {
    let instances = [purse.app.clone(), purse.other_instance().await];
    instances.into_iter().cycle()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_on_two_instances_never_pass_the_limit() {
    let purse = Purse::open().await;
    let mut spending = JoinSet::new();
    for app in instances(&purse).await.take(50) {
        spending.spawn(spend_once(app, 7, 7));
    }
    let granted = spending.join_all().await;
    let granted = granted.into_iter().filter(|granted| *granted).count();
    assert_eq!(granted, 14, "as many as there is room for");
    assert_eq!(purse.today().await, (98, 0));
}

/// Each asks again until there is room, which there is once others have spent less than they might.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_spent_is_there_for_others_and_never_twice() {
    let purse = Purse::open().await;
    let mut spending = JoinSet::new();
    for app in instances(&purse).await.take(50) {
        spending.spawn(async move { while !spend_once(app.clone(), 50, 1).await {} });
    }
    while !spending.is_empty() {
        let (settled, reserved) = purse.today().await;
        assert!(settled + reserved <= 100, "{settled} + {reserved}");
        spending.join_next().await;
    }
    assert_eq!(purse.today().await, (50, 0));
}
