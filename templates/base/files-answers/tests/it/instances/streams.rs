//! Answers that one instance makes and the other one reads to somebody, while one of them is killed: who reads goes on
//! where the maker lives, and is told where it does not.

use service::simulator::Simulator;

use super::Stack;
use crate::{
    answers::{Event, Reader, ask_for_events, names, resume, wired},
    support::{Client, client::header},
};

/// Of either kind.
const ANSWERS: u64 = 3;

/// An answer, and what somebody has read of it.
struct Followed {
    path: String,
    seen: Vec<Event>,
    reader: Reader,
}

impl Followed {
    /// The one makes it, and the other reads what there is of it.
    async fn begin(maker: &Client, other: &Client, key: &str, words: &str) -> Self {
        let asked = ask_for_events(maker, words, Some(key)).await;
        assert_eq!(asked.status(), 200);
        let path = header(&asked, "location").to_owned();
        let mut reader = Reader::of(resume(other, &path, 0).await);
        let seen = reader.some(3).await;
        Self { path, seen, reader }
    }

    /// All of it: where the connection broke, what came after is read elsewhere.
    async fn all(self, elsewhere: &Client) -> Vec<Event> {
        let mut all = self.seen;
        all.extend(self.reader.rest().await);
        let last = all.iter().rev().find_map(|event| event.id);
        let rest = resume(elsewhere, &self.path, last.expect("an id")).await;
        // Where it had ended before the connection broke, there is no more of it.
        if rest.status() != 204 {
            all.extend(Reader::of(rest).rest().await);
        }
        let ids: Vec<i64> = all.iter().filter_map(|event| event.id).collect();
        let expected: Vec<i64> = (1..).take(ids.len()).collect();
        assert_eq!(ids, expected, "each event once, in its order");
        all
    }
}

#[tokio::test]
async fn who_reads_goes_on_where_the_maker_lives_and_is_told_where_it_does_not() {
    let provider = Simulator::start().await.expect("a simulator");
    let base_url = provider.base_url();
    let variables = wired(&base_url, &[("APP__ANSWERS__LEASE", "10s")]);
    let mut stack = Stack::start(&variables).await;
    let client = stack.fronts[0].client("a").await;
    let [victim, survivor] = stack
        .fronts
        .each_ref()
        .map(|front| client.at(front.address));
    let (mut lasting, mut lost) = (Vec::new(), Vec::new());
    for number in 0..ANSWERS {
        let words = format!("tokens=10{number} gap=50ms");
        let key = format!("lasting-{number}");
        lasting.push(Followed::begin(&survivor, &victim, &key, &words).await);
        let words = format!("never_end gap=2{number}ms");
        let key = format!("lost-{number}");
        lost.push(Followed::begin(&victim, &survivor, &key, &words).await);
    }

    stack.lose_one_of_each(0).await;
    let new = client.at(stack.fronts[0].address);
    let elsewhere = [&survivor, &new].into_iter().cycle();
    for (answer, elsewhere) in lasting.into_iter().zip(elsewhere) {
        let events = answer.all(elsewhere).await;
        assert_eq!(names(&events), ["meta", "token", "usage", "done"]);
    }
    for answer in lost {
        let events = answer.all(&new).await;
        let error = events.last().expect("an event");
        assert_eq!(error.name, "error");
        assert_eq!(error.data["type"], "urn:problem:answer-interrupted");
    }
    assert_eq!(provider.stats().chats, 2 * ANSWERS, "each was made once");
    stack.stop().await;
}
