//! `formwork man`: the manual page on standard output, or all pages in a folder.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::{
    cli::Cli,
    error::{Error, Result, Status},
};

pub(super) fn run(folder: Option<&Path>) -> Result<Status> {
    let command = Cli::command();
    let written = match folder {
        Some(folder) => fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder)),
        None => {
            let mut page = Vec::new();
            Man::new(command).render(&mut page).and_then(|()| io::stdout().write_all(&page))
        }
    };
    match written {
        Ok(()) => Ok(Status::Fine),
        // A reader such as `head` may close the pipe early.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Status::Fine),
        Err(error) => {
            let at = folder.unwrap_or(Path::new("standard output"));
            Err(Error::failed("cannot write the manual").at(at, None).cause(error))
        }
    }
}
