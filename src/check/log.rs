//! The whole output of a step, kept beside the build: `target/formwork/STEP.log`.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::PathBuf,
};

use anstream::adapter::strip_str;

use super::{project::Project, step::Step};
use crate::error::{Error, Result};

/// The end of what something said, which tells best why it went wrong.
pub fn last_lines(text: &str, count: usize, between: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join(between)
}

pub struct Log {
    pub path: PathBuf,
    file: BufWriter<File>,
}

impl Log {
    pub fn create(project: &Project, step: Step) -> Result<Self> {
        let folder = project.logs();
        let path = folder.join(format!("{}.log", step.name()));
        let create = || {
            fs::create_dir_all(&folder)?;
            File::create(&path)
        };
        let file = create().map_err(|error| {
            Error::failed("cannot write the step's log")
                .at(&path, None)
                .cause(error)
                .help("make the project's target folder writable")
        })?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    /// A log that cannot be written (a full disk) must not hide what the step itself says.
    pub fn line(&mut self, line: &str) {
        let _ = writeln!(self.file, "{}", strip_str(line).to_string().trim_end());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = self.file.flush();
    }
}
