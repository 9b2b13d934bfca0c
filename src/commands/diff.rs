//! `formwork diff`: what the owners changed since the render.

use std::io::IsTerminal as _;

use serde_json::json;

use super::life::settled_repository;
use crate::{
    cli::Diff,
    error::{Result, Status},
    life::{Owned, diff::Difference},
};

pub(super) fn run(arguments: &Diff) -> Result<Status> {
    let folder = Owned::folder(&arguments.path)?;
    let mut repository = settled_repository(&folder)?;
    let owned = Owned::find(&folder)?;
    repository.quarantine()?;
    let difference = Difference::since_render(&repository, &owned)?;
    if arguments.json {
        println!("{:#}", json!({ "schema": 1, "project": owned.folder, "files": difference.files()? }));
        return Ok(Status::Fine);
    }
    let how: &[&str] = if arguments.stat { &["--stat"] } else { &[] };
    let has_colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    print!("{}", difference.text(how, has_colour)?);
    Ok(Status::Fine)
}
