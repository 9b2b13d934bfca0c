//! What every request shares: pools, clients and settings. Nothing here must last longer than the process.

use std::{ops::Deref, sync::Arc};

use crate::{
    app::{auth::Authenticator, context::Outward, cursor::Cursors},
    config::Config,
    data::{cache::Cache, database::Database},
    edge::lifecycle::Lifecycle,
    external::http::Http,
    jobs::news::News,
};

/// A handle: clones share everything.
#[derive(Clone)]
pub struct App(Arc<Shared>);

pub struct Shared {
    pub config: Config,
    pub database: Database,
    pub cache: Cache,
    pub authenticator: Authenticator,
    pub cursors: Cursors,
    pub lifecycle: Lifecycle,
    pub news: News,
    pub outward: Outward,
}

impl App {
    /// Opens the database and loads keys. A key set that is fetched is waited for only briefly: the network may be
    /// down.
    pub async fn start(config: Config, http: Http) -> anyhow::Result<Self> {
        let database = Database::open(&config.database, &config.data.directory).await?;
        let authenticator = Authenticator::start(&config, http.clone()).await?;
        let cursors = Cursors::start(&config)?;
        let cache = Cache::new(&config.cache);
        let lifecycle = Lifecycle::default();
        Ok(Self(Arc::new(Shared {
            config,
            database,
            cache,
            authenticator,
            cursors,
            lifecycle,
            news: News::default(),
            outward: Outward::new(http),
        })))
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
