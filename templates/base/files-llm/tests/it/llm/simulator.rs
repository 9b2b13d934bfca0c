//! What answers in development, where no provider is configured.

use std::fs;

use reqwest::Client;
use serde_json::{Value, json};
use service::{edge::deadline::Deadline, external::llm::Prompt};
use temp_dir::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

use super::{Asking, PATIENCE};
use crate::support::{Server, process::command};

/// The first line with `words` that the process prints, from there on.
async fn printed(child: &mut Child, words: &str) -> String {
    let stdout = child.stdout.take().expect("stdout");
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.expect("text") {
        if let Some((_, rest)) = line.split_once(words) {
            return rest.to_owned();
        }
    }
    panic!("it ended before it said {words:?}");
}

#[tokio::test]
async fn without_a_provider_the_start_says_that_no_model_answers() {
    let folder = TempDir::new().expect("a folder");
    let mut service = command(folder.path(), &[]).spawn().expect("a start");
    let model = printed(&mut service, "    model      ").await;
    assert_eq!(
        model,
        "simulated: no model answers (APP__LLM__BASE_URL is not set)"
    );
}

#[tokio::test]
async fn without_a_provider_the_simulator_answers() {
    let simulated = Asking::of(Server::start().await).await;
    let mut completion = simulated.ask("When?").await.expect("an answer");
    let (pieces, error) = simulated.rest(&mut completion).await;
    assert_eq!(error, None);
    assert!(pieces.concat().contains("simulated"), "{pieces:?}");
}

/// What the service tells the model to do says nothing of what a caller asks.
#[tokio::test]
async fn instructions_are_nothing_to_answer_from() {
    let asking = Asking::start().await;
    let prompt = Prompt {
        system: "A parcel is the text between two marks.".to_owned(),
        user: "When is a parcel returned?".to_owned(),
        max_tokens: 100,
    };
    let completion = asking.llm.stream(&prompt, Deadline::after(PATIENCE)).await;
    let mut completion = completion.expect("an answer");
    let (pieces, _) = asking.rest(&mut completion).await;
    assert_eq!(
        pieces.concat(),
        "This answer is simulated. Nothing that was given speaks of the question."
    );
}

#[tokio::test]
async fn a_job_in_a_process_of_its_own_asks_the_same_simulator() {
    let simulated = Server::start().await;
    let config = &simulated.app.config;
    let told = |name, setting: &Option<String>| {
        let mut variables = config.jobs.program.variables.iter();
        let variable = variables.rfind(|(given, _)| given == name);
        assert_eq!(variable.map(|(_, url)| url), setting.as_ref());
    };
    told("APP__LLM__BASE_URL", &config.llm.base_url);
    told("APP__EMBEDDINGS__BASE_URL", &config.embeddings.base_url);
}

#[tokio::test]
async fn as_a_process_of_its_own_it_follows_a_script() {
    let folder = TempDir::new().expect("a folder");
    let script = folder.path().join("script");
    fs::write(&script, "# One of two fails.\nevery=2 status=503\n").expect("a file");
    let mut simulator = command(folder.path(), &[])
        .args(["simulator", "--address", "127.0.0.1:0", "--at-once"])
        .arg("--script")
        .arg(&script)
        .spawn()
        .expect("a start");
    let base_url = printed(&mut simulator, "APP__LLM__BASE_URL=").await;

    let http = Client::new();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let texts = json!({ "model": "m", "input": ["a"], "dimensions": 4 });
        let asked = http.post(format!("{base_url}/embeddings")).json(&texts);
        statuses.push(asked.send().await.expect("an answer").status().as_u16());
    }
    assert_eq!(statuses, [200, 503, 200, 503]);

    let stats = base_url.replace("/v1", "/simulator/stats");
    let stats = http.get(stats).send().await.expect("an answer");
    let stats: Value = stats.json().await.expect("JSON");
    let expected = json!({ "chats": 0, "embeddings": 4, "running": 0, "left": 0 });
    assert_eq!(stats, expected);
}

#[tokio::test]
async fn a_script_that_cannot_be_read_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let script = folder.path().join("script");
    fs::write(&script, "statos=503\n").expect("a file");
    let refused = command(folder.path(), &[])
        .arg("simulator")
        .arg("--script")
        .arg(&script)
        .output();
    let refused = refused.await.expect("a start");
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("\"statos=503\""), "{said}");
}
