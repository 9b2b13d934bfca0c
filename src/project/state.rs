//! `formwork.toml`: what a project was made from.

use std::fmt::Write as _;

use super::workspace::Place;
use crate::{TOOLCHAIN, VERSION, answers::Answers, render::TreeHash};

pub(crate) const PATH: &str = "formwork.toml";

pub(crate) fn text(answers: &Answers, place: &Place, hash: TreeHash) -> String {
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
    text
}
