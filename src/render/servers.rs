//! A plan's servers as templates see them: the recipe, and what follows from it for this project.

use serde::Serialize;
use serde_json::{Value, json};

use crate::catalog::{Plan, Server, Variable};

/// Where containers' ports stand on the machine that runs them.
const HERE: &str = "127.0.0.1";

#[derive(Serialize)]
pub(super) struct ServerView {
    #[serde(flatten)]
    server: Server,
    /// Its URL on the machine that runs the container.
    here: String,
    /// What a service on that machine is told.
    here_settings: Vec<Setting>,
    /// What a service beside it in a container is told.
    settings: Vec<Setting>,
    /// Of the container; each value is one of YAML too.
    command: Option<String>,
    healthy: String,
    environment: Vec<Setting>,
}

#[derive(Serialize)]
struct Setting {
    name: String,
    value: String,
}

pub(super) fn views(plan: &Plan<'_>) -> Vec<ServerView> {
    let name = plan.answers.name().as_str().replace('-', "_");
    plan.servers().into_iter().map(|server| view(server, &name)).collect()
}

/// A variable that is a server's and has no other example shows the container's.
pub(super) fn with_example(mut variable: Variable, servers: &[ServerView]) -> Variable {
    if variable.default.is_none() && variable.example.is_none() {
        let mut settings = servers.iter().flat_map(|server| &server.here_settings);
        variable.example =
            settings.find(|setting| setting.name == variable.name).map(|setting| setting.value.clone());
    }
    variable
}

fn view(server: Server, name: &str) -> ServerView {
    let image = &server.image;
    let here = server.url_at(HERE, image.port);
    let inside = server.url_at(&server.name, image.port);
    let mut healthy = vec!["CMD"];
    healthy.extend(image.healthy.iter().map(String::as_str));
    let environment = image.environment.iter().map(|(variable, value)| Setting {
        name: variable.clone(),
        value: in_yaml(&json!(value.replace("{name}", name))),
    });
    let environment = environment.collect();
    ServerView {
        here_settings: settings(&server, &here, name),
        settings: settings(&server, &inside, name),
        command: (!image.command.is_empty()).then(|| in_yaml(&json!(image.command))),
        healthy: in_yaml(&json!(healthy)),
        environment,
        here,
        server,
    }
}

fn settings(server: &Server, url: &str, name: &str) -> Vec<Setting> {
    server.settings_at(url, name).into_iter().map(|(name, value)| Setting { name, value }).collect()
}

/// JSON is YAML, but Compose takes `$` for the beginning of a variable's name.
fn in_yaml(value: &Value) -> String {
    value.to_string().replace('$', "$$")
}
