//! Both sides of a service under load: the provider of models behind it, and the clients before it. Each prints its
//! figures as `name value` lines, for the scripts beside this crate.

mod client;
mod collector;
mod figures;
mod pace;
mod scenes;
mod serving;
mod upstream;

use std::net::SocketAddr;

use clap::{Parser, Subcommand};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    scene: Scene,
}

#[derive(Subcommand)]
enum Scene {
    /// Plays the provider: every token carries the time at which it was written
    Upstream(upstream::Upstream),
    /// Reads one path, and says how long each answer took
    Get(scenes::Get),
    /// Reads one path and creates documents, and says how long each answer took
    Crud(scenes::Crud),
    /// Opens streams and holds them; says `open N` once all have begun, and ends when its standard input does
    Hold(scenes::Hold),
    /// Asks under a key, leaves after the first event and asks again with it, as clients do whose connection breaks
    Retry(scenes::Retry),
    /// Starts jobs, and says how many a second were done
    Jobs(scenes::Jobs),
    /// Takes telemetry, and says how long requests waited for a connection to the database
    Collector(collector::Collector),
    /// Reads whole streams, and says how long each token was under way
    Relay(scenes::Relay),
}

/// Where to, and as whom.
#[derive(clap::Args, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// The value of `Authorization`
    #[arg(long, env = "CREDENTIAL", default_value = "")]
    pub(crate) credential: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().scene {
        Scene::Upstream(scene) => scene.run().await,
        Scene::Get(scene) => scene.run().await,
        Scene::Crud(scene) => scene.run().await,
        Scene::Hold(scene) => scene.run().await,
        Scene::Relay(scene) => scene.run().await,
        Scene::Retry(scene) => scene.run().await,
        Scene::Jobs(scene) => scene.run().await,
        Scene::Collector(scene) => scene.run().await,
    }
}
