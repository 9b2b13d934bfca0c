//! What a search finds, and what it costs.

use std::time::Duration;

use serde_json::{Value, json};
use service::{
    app::{context::Context, embedding::Embedding, retrieval},
    edge::deadline::Deadline,
    simulator::Simulator,
};
use uuid::Uuid;

use super::{World, add, finds, is_asked, play, replace, search};
use crate::support::{
    Server,
    client::{header, problem},
    eventually,
};

fn id(path: &str) -> Uuid {
    let id = path.rsplit('/').next().expect("an id");
    id.parse().expect("an id")
}

fn context(server: &Server, tenant: &str) -> Context {
    let deadline = Deadline::after(Duration::from_secs(20));
    Context::of_job(&server.app, tenant, Uuid::now_v7(), deadline)
}

fn question(text: &str) -> Embedding {
    Embedding::of("/v1/answers", text)
}

#[tokio::test]
async fn what_is_nearest_comes_first_and_says_where_it_stands() {
    let world = World::start().await;
    let client = world.server.client("a");
    let pears = add(&client, "Pears", "Pears ripen in the cellar.").await;
    add(&client, "Concrete", "Concrete sets in a form.").await;
    replace(
        &client,
        &pears,
        "Green pears",
        "Green pears ripen in the cellar.",
    )
    .await;
    finds(&client, "concrete sets", 1).await;
    let found = finds(&client, "do pears ripen", 1).await;
    let distance = found[0]["distance"].as_f64().expect("a number");
    assert!((0.0..0.8).contains(&distance), "{distance}");
    let expected = json!([{
        "document": id(&pears),
        "version": 2,
        "title": "Green pears",
        "text": "Green pears ripen in the cellar.",
        "distance": distance,
    }]);
    assert_eq!(json!(found), expected);
    assert!(search(&client, "zebra").await.is_empty());
}

/// The texts are the same, so only whose they are tells them apart.
#[tokio::test]
async fn a_tenant_finds_its_own_documents_only() {
    let world = World::start().await;
    let clients = ["a", "b"].map(|tenant| world.server.client(tenant));
    let mut own = Vec::new();
    for client in &clients {
        own.push(id(&add(client, "Pears", "Pears ripen in the cellar.").await));
    }
    let stranger = world.server.client("c");
    for (client, own) in clients.iter().zip(&own) {
        let found = finds(client, "pears", 1).await;
        assert_eq!(found[0]["document"], own.to_string());
    }
    assert!(search(&stranger, "pears").await.is_empty());

    let others = own[1];
    let mut context = context(&world.server, "a");
    let passages = retrieval::passages(&mut context, &mut question("pears"), &[]).await;
    let passages = passages.unwrap_or_default();
    assert_eq!(passages.len(), 1);
    assert_eq!((passages[0].document, passages[0].version), (own[0], 1));
    let refused =
        retrieval::passages(&mut context, &mut question("pears"), &[own[0], others]).await;
    let refused = refused.expect_err("another tenant's");
    assert_eq!(refused.status, 422);
    let pointers = refused.errors.iter().map(|error| error.pointer.as_str());
    assert_eq!(pointers.collect::<Vec<_>>(), ["/documents/1"]);
}

#[tokio::test]
async fn of_a_long_document_the_passage_is_found() {
    let world = World::start().await;
    let client = world.server.client("a");
    let paragraph = |sentence: &str| sentence.repeat(1_000 / sentence.len());
    let (bricks, pears) = ("Bricks stand upon bricks. ", "Pears ripen in the cellar. ");
    let body = [bricks, pears, bricks].map(paragraph).join("\n\n");
    add(&client, "Long", &body).await;
    let found = eventually("the passage", async || {
        let found = search(&client, "pears ripen cellar").await;
        found.into_iter().next()
    })
    .await;
    let text = found["text"].as_str().expect("a text");
    assert!(text.contains("Pears ripen") && text.len() < body.len() / 2);
}

#[tokio::test]
async fn a_document_without_a_text_is_found_by_its_title() {
    let world = World::start().await;
    let client = world.server.client("a");
    add(&client, "Pears", "").await;
    assert_eq!(finds(&client, "pears", 1).await[0]["text"], "Pears");
}

/// The caller's order, not the store's; and of long ones only the beginning.
#[tokio::test]
async fn named_documents_are_taken_as_they_are_named() {
    let server = Server::start().await;
    let client = server.client("a");
    let first = id(&add(&client, "First", &"1".repeat(20_000)).await);
    let second = id(&add(&client, "Second", &"2".repeat(20_000)).await);
    let named = retrieval::passages(
        &mut context(&server, "a"),
        &mut question("?"),
        &[second, first],
    )
    .await;
    let named = named.unwrap_or_default();
    let titles: Vec<&str> = named.iter().map(|passage| passage.title.as_str()).collect();
    assert_eq!(titles, ["Second", "First"]);
    let characters: usize = named.iter().map(|passage| passage.text.len()).sum();
    assert_eq!(characters, 24_000);
    let too_many = vec![first; retrieval::MOST_NAMED + 1];
    let named =
        retrieval::passages(&mut context(&server, "a"), &mut question("?"), &too_many).await;
    assert_eq!(named.unwrap_or_default().len(), 1);
}

#[tokio::test]
async fn a_question_that_does_not_hold_is_refused() {
    let server = Server::start().await;
    let client = server.client("a");
    let long = "a".repeat(1_001);
    for query in [
        "",
        "?q=",
        "?q=+",
        &format!("?q={long}"),
        "?q=a&limit=0",
        "?q=a&limit=51",
    ] {
        let refused = client.get(&format!("/v1/search{query}")).await;
        problem(refused, 400).await;
    }
}

#[tokio::test]
async fn a_search_that_finds_many_costs_what_one_does() {
    let world = World::start().await;
    let client = world.server.client("a");
    for number in 0..12 {
        add(&client, "Pears", &format!("Pears of kind {number}.")).await;
    }
    finds(&client, "pears", 10).await;
    let cost = async |limit: u32| {
        let answer = client
            .get(&format!("/v1/search?q=pears&limit={limit}"))
            .await;
        header(&answer, "server-timing").to_owned()
    };
    let one = cost(1).await;
    assert_eq!(cost(50).await.split(' ').next(), one.split(' ').next());
}

/// Its vector is made by a model that is paid for, as answers are.
#[tokio::test]
async fn a_search_is_paid_for_and_is_bounded_by_what_its_caller_may_spend() {
    let simulator = Simulator::start().await.expect("a simulator");
    let url = simulator.base_url();
    let price = ("APP__LLM__PRICES", "m=0,text-embedding-3-small=1000");
    let variables = [
        ("APP__EMBEDDINGS__BASE_URL", url.as_str()),
        ("APP__LLM__MODEL", "m"),
        price,
        // A thousandth of a dollar a token, and a byte may be one.
        ("APP__SPEND__LIMIT_PER_DAY", "0.012"),
    ];
    let server = Server::with(&variables).await;
    let client = server.client("a");
    assert!(search(&client, "green pears").await.is_empty());
    // Nobody waited for that.
    let spend = eventually("the end of all reservations", async || {
        let spend: Value = client.get("/v1/spend").await.json().await.expect("JSON");
        (spend["reserved"] == "0.000000000").then_some(spend)
    })
    .await;
    let paid = json!([{
        "model": "text-embedding-3-small",
        "calls": 1,
        "spent": "0.002000000",
        "input_tokens": 2,
        "output_tokens": 0,
        "cached_input_tokens": 0,
    }]);
    assert_eq!(spend["models"], paid);

    let refused = client.get("/v1/search?q=green+pears").await;
    let refused = problem(refused, 429).await;
    assert_eq!(refused["type"], "urn:problem:spend-limit-reached");
    assert_eq!(simulator.stats().embeddings, 1);
}

#[tokio::test]
async fn nothing_is_held_while_the_question_is_embedded() {
    let simulator = Simulator::start().await.expect("a simulator");
    play(&simulator, "kind=embeddings slow_headers=1h");
    // Without a worker, which looks for jobs now and then.
    let url = simulator.base_url();
    let server = Server::with(&[("APP__EMBEDDINGS__BASE_URL", &url)]).await;
    let client = server.client("a");
    let asking = tokio::spawn(async move { client.get("/v1/search?q=pears").await });
    is_asked(&simulator, 1).await;
    // What reserved its price may be on its way back still.
    eventually("all connections", async || {
        let pools = server.app.database.pools();
        let are_free = pools.iter().all(|(_, in_use, _)| *in_use == 0);
        are_free.then_some(())
    })
    .await;
    asking.abort();
}

#[tokio::test]
async fn a_model_that_is_down_is_said_so_and_costs_the_others_nothing() {
    let world = World::start().await;
    play(&world.simulator, "kind=embeddings status=503");
    let client = world.server.client("a");
    add(&client, "Pears", "Pears ripen in the cellar.").await;
    let refused = client.get("/v1/search?q=pears").await;
    problem(refused, 503).await;
    assert_eq!(client.count().await, 1);
}
