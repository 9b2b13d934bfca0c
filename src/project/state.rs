//! `formwork.toml`: what a project was made from.

use std::{fmt::Write as _, fs, path::Path};

use serde::{Deserialize, Serialize};
use toml::{Spanned, Value as Quoted};

use super::workspace::Place;
use crate::{
    TOOLCHAIN, VERSION,
    answers::Answers,
    catalog::Server,
    error::{Error, Result},
    render::TreeHash,
    toml_file,
};

pub(crate) const PATH: &str = "formwork.toml";

/// As they stand in the file, which no other version of the catalog has to know.
#[derive(Serialize)]
struct Servers<'a> {
    server: &'a [Server],
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    server: Vec<Spanned<Server>>,
}

pub(crate) fn text(answers: &Answers, servers: &[Server], place: &Place, hash: TreeHash) -> Result<String> {
    let mut text = format!(
        "# What this project was made from. Later versions of formwork will need it; keep it committed.\n\
         schema = 1\n\n\
         [formwork]\nversion = \"{VERSION}\"\ntoolchain = \"{TOOLCHAIN}\"\n\
         # Over every file of the render but this one.\ntree = \"{hash}\"\n\n\
         [project]\nname = \"{}\"\n",
        answers.name()
    );
    if let Some(place) = place.name() {
        let _ = writeln!(text, "workspace = \"{place}\"");
    }
    text.push_str("\n[answers]\n");
    for (slot, option) in answers.chosen() {
        let _ = writeln!(text, "{slot} = \"{option}\"");
    }
    print_preset(&mut text, answers);
    if !servers.is_empty() {
        let servers = toml::to_string_pretty(&Servers { server: servers })
            .map_err(|error| Error::failed("a server's recipe cannot be written").cause(error))?;
        let _ = write!(text, "\n# What it needs beside itself, as `formwork check` starts it.\n{servers}");
    }
    Ok(text)
}

/// The servers that the project in `folder` needs. One that was not made by this tool names none.
pub fn servers(folder: &Path) -> Result<Vec<Server>> {
    let file = folder.join(PATH);
    let Ok(text) = fs::read_to_string(&file) else { return Ok(Vec::new()) };
    let state: State = toml_file::parse(&file, &text)?;
    let check = |server: Spanned<Server>| {
        server.get_ref().check(&file, &text, server.span().start)?;
        Ok(server.into_inner())
    };
    state.server.into_iter().map(check).collect()
}

/// What the project's preset was, to the commit, and what its own questions were answered with.
fn print_preset(text: &mut String, answers: &Answers) {
    let Some(preset) = answers.preset() else { return };
    if answers.vars().next().is_some() {
        text.push_str("\n[vars]\n");
    }
    for (name, value) in answers.vars() {
        let _ = writeln!(text, "{name} = {}", Quoted::from(value));
    }
    let _ = writeln!(text, "\n[preset]\nfrom = {}\nhash = \"{}\"", Quoted::from(&*preset.from), preset.hash);
    for pin in &preset.git {
        let (url, reference) = (Quoted::from(&*pin.url), Quoted::from(&*pin.reference));
        let _ = writeln!(
            text,
            "\n[[preset.git]]\nurl = {url}\nreference = {reference}\ncommit = \"{}\"",
            pin.commit
        );
    }
}
