//! Workers hear of jobs that other processes add.

use temp_dir::TempDir;

use super::{HARDLY_LOOKS, ask, beside, front_and_worker, is_made, jobs, report};
use crate::support::{Process, process::run, queue::Stranger};

#[tokio::test]
async fn a_worker_that_hardly_looks_hears_of_a_job() {
    let folder = TempDir::new().expect("a folder");
    assert!(run(folder.path(), &[], &["migrate"]).await.status.success());
    let (front, _worker) = front_and_worker(&folder, &HARDLY_LOOKS).await;
    let client = front.client("a").await;
    for _ in 0..3 {
        assert_eq!(report(&client).await["attempts"], 1);
    }
}

/// News that comes twice, too late, or of nothing at all.
#[tokio::test]
async fn news_that_says_nothing_changes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let app = beside(&folder, &[]).await;
    let front = Process::start_as("serve", folder.path(), &HARDLY_LOOKS).await;
    let _workers = [
        Process::start_as("worker", folder.path(), &HARDLY_LOOKS).await,
        Process::start_as("worker", folder.path(), &HARDLY_LOOKS).await,
    ];
    let Some(stranger) = Stranger::of(folder.path()).await else {
        return;
    };
    let client = front.client("a").await;
    let mut paths = Vec::new();
    for _ in 0..5 {
        stranger.tell_of("report", 3).await;
        paths.push(ask(&client).await);
    }
    stranger.tell_of("report", 20).await;
    for path in &paths {
        is_made(&client, path).await;
    }
    let reports = jobs(&app, "report").await;
    let attempts: Vec<i64> = reports.iter().map(|job| job.attempts).collect();
    assert_eq!(attempts, [1; 5]);
}
