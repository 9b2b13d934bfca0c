//! The servers that a project needs, for as long as a check lasts.

mod compose;
mod find;
mod guard;
pub mod local;
mod settings;

use std::{
    env,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde::Serialize;

pub use self::guard::Guard;
pub use self::settings::Settings;
use self::{compose::Compose, find::Found};
use super::project::Project;
use crate::{
    catalog::{Client, Server},
    error::{Error, Result},
    interrupt::Interrupt,
    project, shell,
};

/// Where servers come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The first of the others that works, in their order
    #[default]
    Auto,
    /// Servers whose URLs are set in the environment
    Env,
    /// Throwaway servers from installed programs
    Local,
    /// Throwaway containers of the project's compose file
    Compose,
}

/// The commands that get what is not here, or will not do: a server's programs, and what its tests need beside it.
pub fn missing(server: &Server) -> Vec<String> {
    let programs = find::find(server).is_err().then(|| find::how_to_get(server));
    programs.into_iter().chain(missing_client(server).map(|client| client.install.clone())).collect()
}

fn missing_client(server: &Server) -> Option<&Client> {
    server.client.as_ref().filter(|client| !find::has(client))
}

/// The folder of a server's programs, or why there is none that will do.
pub fn programs(server: &Server) -> Result<PathBuf, String> {
    find::find(server).map(|found| found.folder)
}

impl Way {
    /// As the flag takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Env => "env",
            Self::Local => "local",
            Self::Compose => "compose",
        }
    }
}

/// Running servers. They stop when this is dropped.
#[derive(Debug, Default)]
pub struct Services {
    servers: Vec<Running>,
    guards: Vec<Guard>,
    compose: Option<Compose>,
}

#[derive(Debug)]
struct Running {
    server: Server,
    url: String,
    service: Service,
}

/// What the report says of one.
#[derive(Clone, Debug, Serialize)]
pub struct Service {
    pub name: String,
    pub title: String,
    pub way: Way,
    /// The program of one that was started from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
}

/// How one server will be had.
enum Source {
    Env(String),
    Local(Found),
    Compose,
}

impl Services {
    /// Looks for all of them before it starts any, and for what tests need beside them.
    pub fn provide(project: &Project, way: Way, for_tests: bool, interrupt: &Interrupt) -> Result<Self> {
        let servers = project::servers(&project.folder)?;
        let clients = servers.iter().filter(|_| for_tests).filter_map(missing_client).collect::<Vec<_>>();
        let sources = sources(&servers, &clients, way, &project.folder)?;
        let contained = servers.iter().zip(&sources).filter(|(_, source)| matches!(source, Source::Compose));
        let contained: Vec<&Server> = contained.map(|(server, _)| server).collect();
        let mut services = Self::default();
        if !contained.is_empty() {
            services.compose = Some(Compose::up(project, &contained, interrupt)?);
        }
        for (server, source) in servers.into_iter().zip(sources) {
            let (way, url, program) = services.start(&server, source, project, interrupt)?;
            let service = Service { name: server.name.clone(), title: server.title.clone(), way, program };
            services.servers.push(Running { server, url, service });
        }
        Ok(services)
    }

    /// Which way it came, its URL, and its program.
    fn start(
        &mut self,
        server: &Server,
        source: Source,
        project: &Project,
        interrupt: &Interrupt,
    ) -> Result<(Way, String, Option<PathBuf>)> {
        match (source, &self.compose) {
            (Source::Env(url), _) => Ok((Way::Env, url, None)),
            (Source::Compose, Some(compose)) => Ok((Way::Compose, compose.url(server)?, None)),
            (Source::Compose, None) => Err(Error::failed("no containers were started")),
            (Source::Local(found), _) => {
                let log = project.logs().join(format!("{}.log", server.name));
                let (guard, url) = local::start(server, &found.folder, &log, interrupt)?;
                self.guards.push(guard);
                Ok((Way::Local, url, Some(found.program)))
            }
        }
    }

    pub fn report(&self) -> Vec<Service> {
        self.servers.iter().map(|running| running.service.clone()).collect()
    }

    /// What the project's tests are told: where the servers are, and that a test without one is red.
    pub fn for_tests(&self) -> Vec<(String, String)> {
        let variable = |running: &Running| (running.server.variable.clone(), running.url.clone());
        let mut variables: Vec<_> = self.servers.iter().map(variable).collect();
        if !variables.is_empty() {
            variables.push(("REQUIRE_SERVICES".to_owned(), "1".to_owned()));
        }
        variables
    }

    /// What running services are told.
    pub fn settings(&self) -> Settings {
        self.servers.iter().map(|running| (running.server.clone(), running.url.clone())).collect()
    }
}

impl Service {
    /// One line.
    pub fn text(&self) -> String {
        let from = match (self.way, &self.program) {
            (Way::Local, Some(program)) => shell::path(program),
            (Way::Compose, _) => "the compose file".to_owned(),
            _ => "the environment".to_owned(),
        };
        format!("{} from {from}", self.title)
    }
}

/// A source for each, or everything that is missing at once.
fn sources(servers: &[Server], clients: &[&Client], way: Way, project: &Path) -> Result<Vec<Source>> {
    let (mut sources, mut missing) = (Vec::new(), Vec::new());
    for server in servers {
        match source(server, way, project) {
            Ok(source) => sources.push(source),
            Err(reasons) => missing.push((server, reasons)),
        }
    }
    match missing.is_empty() && clients.is_empty() {
        true => Ok(sources),
        false => Err(error(&missing, clients, way)),
    }
}

/// The first that works, or why each that was tried does not.
fn source(server: &Server, way: Way, project: &Path) -> Result<Source, Vec<String>> {
    let tries = |other: Way| way == other || way == Way::Auto;
    let mut reasons = Vec::new();
    if tries(Way::Env) {
        match env::var(&server.variable) {
            Ok(url) if !url.is_empty() => return Ok(Source::Env(url)),
            _ => reasons.push(format!("{} is not set", server.variable)),
        }
    }
    if tries(Way::Local) {
        match find::find(server) {
            Ok(found) => return Ok(Source::Local(found)),
            Err(reason) => reasons.push(reason),
        }
    }
    if tries(Way::Compose) {
        match compose::usable(project) {
            Ok(()) => return Ok(Source::Compose),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons)
}

fn error(missing: &[(&Server, Vec<String>)], clients: &[&Client], way: Way) -> Error {
    let titles: Vec<&str> = missing.iter().map(|(server, _)| server.title.as_str()).collect();
    let others = clients.iter().map(|client| client.title.as_str()).collect::<Vec<_>>().join(" and ");
    let mut error = match titles.is_empty() {
        true => Error::missing(format!("the project's tests need {others}, which is not here")),
        false => Error::missing(format!("the project needs {}, and there is none", titles.join(" and "))),
    };
    let reasons = missing.iter().map(|(_, reasons)| reasons.join("; "));
    let reasons: Vec<String> =
        reasons.chain(clients.iter().map(|client| format!("`{}` fails", client.there.trim()))).collect();
    error = error.cause(reasons.join("; "));
    for (server, _) in missing {
        error = match way {
            Way::Env => error,
            Way::Compose => error.help(compose::INSTALL),
            Way::Auto | Way::Local => error.help(find::how_to_get(server)),
        };
        if matches!(way, Way::Auto | Way::Env) {
            let example = server.url_at("127.0.0.1", server.image.port);
            error = error.help(format!("or name one that runs: export {}={example}", server.variable));
        }
    }
    clients.iter().fold(error, |error, client| error.help(client.install.clone()))
}
