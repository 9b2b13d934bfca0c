//! What is embedded follows what is written, whatever happens in between.

use std::path::Path;

use service::{app::state::App, jobs::Kind, simulator::Simulator};
use temp_dir::TempDir;

use super::{
    World, add, connection, count_chunks, finds, is_asked, jobs, play, remove, replace, search,
};
use crate::support::{Process, eventually, process::run};

/// Waits until so many jobs are done.
async fn are_done(app: &App, count: usize) {
    eventually("the end of the jobs", async || {
        let jobs = jobs(app).await;
        let is_done = |(state, _): &(String, i64)| state == "succeeded";
        (jobs.len() == count && jobs.iter().all(is_done)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_document_that_is_replaced_is_found_by_its_new_text() {
    let world = World::start().await;
    let client = world.server.client("a");
    let path = add(&client, "One", "Pears ripen in the cellar.").await;
    finds(&client, "pears", 1).await;
    replace(&client, &path, "One", "Concrete sets in a form.").await;
    assert!(
        search(&client, "pears").await.is_empty(),
        "it was taken back"
    );
    let found = finds(&client, "concrete", 1).await;
    assert_eq!(found[0]["version"], 2);
    are_done(&world.server.app, 2).await;
}

#[tokio::test]
async fn a_document_that_is_deleted_is_not_found_any_more() {
    let world = World::start().await;
    let client = world.server.client("a");
    let path = add(&client, "One", "Pears ripen in the cellar.").await;
    finds(&client, "pears", 1).await;
    remove(&client, &path).await;
    assert!(search(&client, "pears").await.is_empty());
    assert_eq!(count_chunks(&world.server.app).await, 0);
}

/// Two changes while the first version is being embedded: one job does it all.
#[tokio::test]
async fn a_document_that_changes_meanwhile_is_embedded_as_it_is_in_the_end() {
    let world = World::start().await;
    play(&world.simulator, "kind=embeddings times=1 slow_headers=4s");
    let client = world.server.client("a");
    let path = add(&client, "One", "Pears ripen in the cellar.").await;
    is_asked(&world.simulator, 1).await;
    replace(&client, &path, "One", "Bricks stand upon bricks.").await;
    replace(&client, &path, "One", "Concrete sets in a form.").await;
    let found = finds(&client, "concrete", 1).await;
    assert_eq!(found[0]["version"], 3);
    assert!(search(&client, "pears").await.is_empty());
    are_done(&world.server.app, 1).await;
}

#[tokio::test]
async fn of_a_document_that_is_deleted_meanwhile_nothing_is_kept() {
    let world = World::start().await;
    play(&world.simulator, "kind=embeddings times=1 slow_headers=1s");
    let client = world.server.client("a");
    let path = add(&client, "One", "Pears ripen in the cellar.").await;
    is_asked(&world.simulator, 1).await;
    remove(&client, &path).await;
    are_done(&world.server.app, 1).await;
    assert_eq!(count_chunks(&world.server.app).await, 0);
}

#[tokio::test]
async fn a_model_that_was_down_is_asked_again() {
    let world = World::start().await;
    play(&world.simulator, "kind=embeddings status=503");
    let client = world.server.client("a");
    add(&client, "One", "Pears ripen in the cellar.").await;
    let app = &world.server.app;
    eventually("a failed attempt", async || {
        (jobs(app).await == [("queued".to_owned(), 1)]).then_some(())
    })
    .await;
    play(&world.simulator, "");
    let due = sqlx::query("UPDATE jobs SET run_at = 0, rank = 0");
    connection(app).await.execute(due).await.expect("a change");
    app.news.publish(Kind::Embed);
    finds(&client, "pears", 1).await;
}

async fn start(folder: &Path, simulator: &Simulator, dimensions: &str) -> Process {
    let url = simulator.base_url();
    let variables = [
        ("APP__EMBEDDINGS__BASE_URL", url.as_str()),
        ("APP__EMBEDDINGS__DIMENSIONS", dimensions),
        ("APP__JOBS__LEASE", "2s"),
        ("APP__JOBS__POLL_INTERVAL", "100ms"),
    ];
    Process::start(folder, &variables).await
}

#[tokio::test]
async fn a_worker_that_is_killed_while_it_embeds_is_made_up_for() {
    let folder = TempDir::new().expect("a folder");
    let simulator = Simulator::start().await.expect("a simulator");
    play(&simulator, "kind=embeddings slow_headers=1h");
    let first = start(folder.path(), &simulator, "512").await;
    add(
        &first.client("a").await,
        "One",
        "Pears ripen in the cellar.",
    )
    .await;
    is_asked(&simulator, 1).await;
    first.kill().await;
    play(&simulator, "");
    let second = start(folder.path(), &simulator, "512").await;
    finds(&second.client("a").await, "pears", 1).await;
}

#[tokio::test]
async fn another_model_is_noticed_at_the_start_and_embeds_all_anew() {
    let folder = TempDir::new().expect("a folder");
    let simulator = Simulator::start().await.expect("a simulator");
    let before = start(folder.path(), &simulator, "512").await;
    let client = before.client("a").await;
    add(&client, "One", "Pears ripen in the cellar.").await;
    add(&client, "Two", "Pears ripen in the attic.").await;
    finds(&client, "pears", 2).await;
    assert!(before.terminate().await.success());

    let after = start(folder.path(), &simulator, "256").await;
    let client = client.at(after.address);
    finds(&client, "pears", 2).await;
    assert!(after.log().contains("documents are not embedded by"));
    assert!(after.terminate().await.success());

    // Nothing is left to do.
    let asked = simulator.stats().embeddings;
    let again = start(folder.path(), &simulator, "256").await;
    assert_eq!(search(&client.at(again.address), "pears").await.len(), 2);
    assert_eq!(simulator.stats().embeddings, asked + 1);
    assert!(!again.log().contains("documents are not embedded by"));
}

#[tokio::test]
async fn an_operator_has_all_embedded_anew() {
    let folder = TempDir::new().expect("a folder");
    let simulator = Simulator::start().await.expect("a simulator");
    let process = start(folder.path(), &simulator, "512").await;
    let client = process.client("a").await;
    add(&client, "One", "Pears ripen in the cellar.").await;
    finds(&client, "pears", 1).await;
    let asked = simulator.stats().embeddings;
    let ordered = run(folder.path(), &[], &["vectors", "reembed", "--all"]).await;
    assert!(ordered.status.success(), "{ordered:?}");
    is_asked(&simulator, asked + 1).await;
    finds(&client, "pears", 1).await;
}
