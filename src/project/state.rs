//! `formwork.toml`: what a project was made from.

use std::fmt::Write as _;

use toml::Value as Quoted;

use super::workspace::Place;
use crate::{TOOLCHAIN, VERSION, answers::Answers, render::TreeHash};

pub(super) const PATH: &str = "formwork.toml";

pub(super) fn text(answers: &Answers, place: &Place, hash: TreeHash) -> String {
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
    text
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
