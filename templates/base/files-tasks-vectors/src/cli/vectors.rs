//! What an operator does to what is embedded.

use anyhow::anyhow;
use clap::Subcommand;

use super::print;
use crate::{
    app::indexing::{self, Walk},
    config::Config,
    data::{database::Database, meter::Meter},
    edge::deadline::Deadline,
};

#[derive(Debug, Subcommand)]
pub(super) enum Vectors {
    /// Have documents embedded that are not, or by another model than the configured one
    Reembed {
        /// All documents, those of the configured model too
        #[arg(long)]
        all: bool,
    },
}

impl Vectors {
    pub(super) async fn run(&self, config: &Config) -> anyhow::Result<()> {
        let Self::Reembed { all } = *self;
        let database = Database::open(&config.database, &config.data.directory).await?;
        let deadline = Deadline::after(config.server.request_timeout);
        let mut connection = database.write(deadline, &Meter::default()).await?;
        let added = indexing::walk(&mut connection, Some(Walk { all })).await;
        drop(connection);
        database.close().await;
        let id = added.map_err(|problem| anyhow!(problem.detail.unwrap_or(problem.title)))?;
        print(&format!(
            "job {id} does it; `jobs inspect {id}` says how far it is"
        ))
    }
}
