//! Over HTTP, behind a provider that counts how often it is asked.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use service::{app::auth::DEFAULT_SCOPES, simulator::Simulator};
use temp_dir::TempDir;

use crate::support::{Client, Process, Server, client::header, document};

const PATH: &str = "/v1/answers";

async fn ask(client: &Client, question: &str) -> Value {
    let answer = client.post(PATH, &json!({ "question": question })).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

/// How many answers the caller has paid for; that which stands beside them is what questions were embedded with.
async fn answers_paid_by(client: &Client) -> u64 {
    let spend: Value = client.get("/v1/spend").await.json().await.expect("JSON");
    let models = spend["models"].as_array().expect("models").iter();
    let answers = models.filter(|model| model["output_tokens"] != 0);
    answers.filter_map(|model| model["calls"].as_u64()).sum()
}

fn wired(base_url: &str) -> [(&str, &str); 2] {
    [
        ("APP__LLM__BASE_URL", base_url),
        ("APP__EMBEDDINGS__BASE_URL", base_url),
    ]
}

#[tokio::test]
async fn the_same_question_of_two_tenants_is_two_questions() {
    let provider = Simulator::start().await.expect("a simulator");
    let server = Server::with(&wired(&provider.base_url())).await;
    let tenants = ["a", "b", "ab", "a:b"].map(|tenant| server.client(tenant));
    for (before, tenant) in (0..).zip(&tenants) {
        assert_eq!(provider.stats().chats, before);
        assert_eq!(ask(tenant, "Why?").await["cache"], "miss");
    }
    // Now all of them know, and each has an answer of its own.
    for tenant in &tenants {
        assert_eq!(ask(tenant, "Why?").await["cache"], "exact");
    }
    assert_eq!(provider.stats().chats, 4);
}

/// Its version is in the key, so nothing has to be removed.
#[tokio::test]
async fn a_document_that_changes_ends_the_answers_that_it_is_in() {
    let provider = Simulator::start().await.expect("a simulator");
    let server = Server::with(&wired(&provider.base_url())).await;
    let client = server.client("a");
    let path = client.create("one").await;
    let id = path.rsplit('/').next().expect("an id");
    let ask = async || {
        let question = json!({ "question": "Why?", "documents": [id] });
        let answer = client.post(PATH, &question).await;
        let answer: Value = answer.json().await.expect("JSON");
        (answer["cache"].clone(), answer["citations"][0].clone())
    };
    let (cache, first) = ask().await;
    assert_eq!(cache, "miss");
    assert_eq!(first["version"], 1);
    assert_eq!(ask().await, (json!("exact"), first));
    let change = client.request(Method::PUT, &path).header("if-match", "*");
    let changed = change.json(&document("other")).send().await;
    assert_eq!(changed.expect("an answer").status(), 200);
    let (cache, second) = ask().await;
    assert_eq!(cache, "miss");
    assert_eq!(second["version"], 2);
    assert_eq!(provider.stats().chats, 2);
}

/// Of a long document the model is given the more the fewer are named.
#[tokio::test]
async fn an_answer_from_a_part_of_a_document_is_none_from_more_of_it() {
    let provider = Simulator::start().await.expect("a simulator");
    let server = Server::with(&wired(&provider.base_url())).await;
    let client = server.client("a");
    let long = json!({ "title": "long", "body": "of many words ".repeat(1_500) });
    let created = client.post("/v1/documents", &long).await;
    let path = header(&created, "location").to_owned();
    let id = path.rsplit('/').next().expect("an id");
    for (documents, cache) in [
        (vec![id, id], "miss"),
        (vec![id], "miss"),
        (vec![id], "exact"),
    ] {
        let question = json!({ "question": "Why?", "documents": documents });
        let answer = client.post(PATH, &question).await;
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["cache"], cache, "{answer}");
    }
    assert_eq!(provider.stats().chats, 2);
}

/// No more than the look for it does.
#[tokio::test]
async fn an_answer_that_is_given_again_costs_no_answer() {
    let provider = Simulator::start().await.expect("a simulator");
    let server = Server::with(&wired(&provider.base_url())).await;
    let client = server.client("a");
    let first = ask(&client, "Why?").await;
    assert_eq!(answers_paid_by(&client).await, 1);
    let again = ask(&client, "Why?").await;
    for field in ["text", "model", "finish_reason"] {
        assert_eq!(again[field], first[field], "{field}");
    }
    assert_eq!(again["usage"]["input_tokens"], 0);
    assert_eq!(again["usage"]["output_tokens"], 0);
    assert_eq!(answers_paid_by(&client).await, 1);
    // Who asked first pays; a colleague who asks in the same words does not.
    let colleague = server.client_with("colleague", "a", DEFAULT_SCOPES);
    assert_eq!(ask(&colleague, "Why?").await["cache"], "exact");
    assert_eq!(answers_paid_by(&colleague).await, 0);
}

#[tokio::test]
async fn an_answer_that_is_given_again_is_streamed_as_well() {
    let provider = Simulator::start().await.expect("a simulator");
    let server = Server::with(&wired(&provider.base_url())).await;
    let client = server.client("a");
    let first = ask(&client, "Why?").await;
    let events = streamed(&client).await.text().await.expect("events");
    let text = first["text"].to_string();
    for part in [
        "\"cache\":\"exact\"",
        text.as_str(),
        "event: usage",
        "event: done",
    ] {
        assert!(events.contains(part), "{part}: {events}");
    }
    assert_eq!(provider.stats().chats, 1);
}

async fn streamed(client: &Client) -> Response {
    let request = client.request(Method::POST, PATH);
    let request = request.header("accept", "text/event-stream");
    let request = request.json(&json!({ "question": "Why?" }));
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn what_one_instance_was_answered_the_other_knows() {
    let provider = Simulator::start().await.expect("a simulator");
    let base_url = provider.base_url();
    let variables = wired(&base_url);
    let folder = TempDir::new().expect("a folder");
    let (one, other) = tokio::join!(
        Process::start(folder.path(), &variables),
        Process::start(folder.path(), &variables)
    );
    let client = one.client("a").await;
    let first = ask(&client, "Why?").await;
    let again = ask(&client.at(other.address), "Why?").await;
    assert_eq!(again["cache"], "exact");
    assert_eq!(again["text"], first["text"]);
    assert_eq!(provider.stats().chats, 1);
}
