//! Many at once.

use super::*;

/// Whether there was room for what this caller might spend, which it then spent.
async fn spend_once(database: Database, amount: i64, actual: i64) -> bool {
    let mut connection = connection(&database).await;
    let reserved = spend::reserve(&mut connection, &claim(amount)).await;
    drop(connection);
    let Reserved::Granted(reservation) = reserved.expect("an answer") else {
        return false;
    };
    tokio::task::yield_now().await;
    let spent = settlement(actual);
    let mut connection = self::connection(&database).await;
    let settled = spend::settle(&mut connection, reservation, &spent).await;
    settled.expect("an answer")
}

/// Two instances on one file, in turn.
async fn instances(purse: &Purse) -> impl Iterator<Item = Database> + use<> {
    let instances = [purse.database.clone(), open(&purse.config).await];
    instances.into_iter().cycle()
}

#[tokio::test]
async fn fifty_at_once_on_two_instances_never_pass_the_limit() {
    let purse = Purse::open().await;
    let mut spending = JoinSet::new();
    for database in instances(&purse).await.take(50) {
        spending.spawn(spend_once(database, 7, 7));
    }
    let granted = spending.join_all().await;
    let granted = granted.into_iter().filter(|granted| *granted).count();
    assert_eq!(granted, 14, "as many as there is room for");
    assert_eq!(purse.today().await, (98, 0));
}

/// Each asks again until there is room, which there is once others have spent less than they might.
#[tokio::test]
async fn what_is_not_spent_is_there_for_others_and_never_twice() {
    let purse = Purse::open().await;
    let mut spending = JoinSet::new();
    for database in instances(&purse).await.take(50) {
        spending.spawn(async move { while !spend_once(database.clone(), 50, 1).await {} });
    }
    while !spending.is_empty() {
        let (settled, reserved) = purse.today().await;
        assert!(settled + reserved <= 100, "{settled} + {reserved}");
        spending.join_next().await;
    }
    assert_eq!(purse.today().await, (50, 0));
}
