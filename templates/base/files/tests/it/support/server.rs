//! The service, in this process, on a port and a data folder of its own.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use axum::Router;
use service::{
    app::{auth::DEFAULT_SCOPES, router, state::App},
    config::{Config, Environment, Program},
    external::http::Http,
    serve::{Duty, Service},
};
use temp_dir::TempDir;
use tokio::task::JoinHandle;

use super::{
    Client, credential, isolation, process::binary, sender::INBOUND_SECRET, settings::settings,
};

pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    running: JoinHandle<bool>,
    folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these variables beside the defaults.
    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        Self::begin(Duty::Serve, variables, router::router).await
    }

    /// With a worker in the same process.
    pub(crate) async fn with_worker(variables: &[(&str, &str)]) -> Self {
        Self::begin(Duty::Both, variables, router::router).await
    }

    /// With routes of the test's own in place of the application's, behind the same edge.
    pub(crate) async fn with_routes(variables: &[(&str, &str)], routes: Router<App>) -> Self {
        Self::begin(Duty::Serve, variables, |app| {
            service::edge::layers::around(routes.with_state(app.clone()), app)
        })
        .await
    }

    async fn begin(
        duty: Duty,
        variables: &[(&str, &str)],
        routes: impl FnOnce(&App) -> Router,
    ) -> Self {
        let folder = TempDir::new().expect("a folder");
        let config = configuration(folder.path(), variables);
        let http = Http::new().expect("a client");
        let service = Service::start_with(config, http, duty, true, routes).await;
        let service = service.expect("a start");
        let app = service.app().clone();
        let address = service.address().expect("an address");
        let admin = service.admin_address().expect("an address");
        let running = tokio::spawn(service.run());
        Self {
            app,
            address,
            admin,
            running,
            folder,
        }
    }

    /// A client with every scope of the sample, of a tenant of its own name.
    pub(crate) fn client(&self, subject: &str) -> Client {
        self.client_with(subject, subject, DEFAULT_SCOPES)
    }

    pub(crate) fn client_with(&self, subject: &str, tenant: &str, scope: &str) -> Client {
        let credential = credential::issue(&self.app.config, subject, tenant, scope);
        Client::new(self.address).credential(&credential)
    }

    /// A client without a credential.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(self.address)
    }

    /// Stops as on SIGTERM; whether everything ended in time.
    pub(crate) async fn stop(self) -> bool {
        self.app.lifecycle.drain();
        self.app.lifecycle.close();
        let ended = self.running.await.expect("no panic");
        drop(self.folder);
        ended
    }
}

/// Of a service on this folder, with these variables beside the defaults.
pub(crate) fn configuration(folder: &Path, variables: &[(&str, &str)]) -> Config {
    let mut given = BTreeMap::from([
        ("APP__ENVIRONMENT", "development"),
        ("APP__SERVER__ADDRESS", "127.0.0.1:0"),
        ("APP__ADMIN__ADDRESS", "127.0.0.1:0"),
        // Tests ask more often than people.
        ("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "1000000"),
        ("APP__RATE_LIMIT__BURST", "1000000"),
        ("APP__WEBHOOKS__INBOUND_SECRET", INBOUND_SECRET),
    ]);
    let settings = settings(folder);
    given.extend(settings.iter().map(|(name, value)| (*name, value.as_str())));
    given.extend(isolation::setting());
    given.extend(variables.iter().copied());
    let given: Vec<_> = given
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let read = Config::read(&mut Environment::new(given.clone()));
    let (mut config, _) = read.expect("a good configuration");
    // This process is the test, and has none of that in its environment.
    config.jobs.program = Program {
        path: binary(),
        variables: given,
    };
    config
}
