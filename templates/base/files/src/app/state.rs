//! What every request shares: pools, clients and settings. Nothing here must last longer than the process.

use std::sync::Arc;

use crate::{
    app::{auth::Authenticator, cursor::Cursors},
    config::Config,
    data::{cache::Cache, database::Database},
    edge::lifecycle::Lifecycle,
    external::http::Http,
};

/// Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub config: Arc<Config>,
    pub database: Database,
    pub cache: Cache,
    pub authenticator: Authenticator,
    pub cursors: Cursors,
    pub lifecycle: Lifecycle,
    /// Reached by handlers only through their context.
    pub(crate) http: Http,
}

impl App {
    /// Opens the database and loads keys; asks nothing of a network that may be down.
    pub async fn start(config: Config, http: Http) -> anyhow::Result<Self> {
        let database = Database::open(&config.database, &config.data.directory).await?;
        let authenticator = Authenticator::start(&config, http.clone()).await?;
        let cursors = Cursors::start(&config)?;
        let cache = Cache::new(&config.cache);
        let lifecycle = Lifecycle::default();
        Ok(Self {
            config: Arc::new(config),
            database,
            cache,
            authenticator,
            cursors,
            lifecycle,
            http,
        })
    }
}
