//! One error type: what was wrong, where, and the way out; and the exit code that goes with it.

use std::{fmt, path::PathBuf, process::ExitCode};

/// Stable exit codes, documented in `formwork --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All is well.
    Fine,
    /// The project fails its check, or the work could not be done.
    Failed,
    /// The command line, a preset or an answers file is wrong.
    Usage,
    /// Something is missing on this machine.
    Missing,
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl Status {
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Missing => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.code())
    }
}

/// Where in a file something is wrong; `line` and `column` count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub file: PathBuf,
    pub line: Option<usize>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// A failure as its reader needs it. Messages start in lower case and end without a full stop.
#[derive(Debug)]
pub struct Error {
    pub status: Status,
    pub message: String,
    pub at: Option<Location>,
    pub cause: Option<String>,
    /// The way out: a sentence or a command, one a line.
    pub help: Vec<String>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), at: None, cause: None, help: Vec::new() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Status::Usage, message)
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Status::Failed, message)
    }

    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(Status::Missing, message)
    }

    pub fn interrupted() -> Self {
        Self::new(Status::Interrupted, "interrupted")
    }

    #[must_use]
    pub fn at(mut self, file: impl Into<PathBuf>, line: Option<usize>) -> Self {
        self.at = Some(Location { file: file.into(), line });
        self
    }

    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Prints to stderr, in colour where the terminal and `NO_COLOR` allow it.
    pub fn print(&self) {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        let cyan = anstyle::AnsiColor::Cyan.on_default().bold();
        anstream::eprintln!("{red}error{red:#}: {}", self.message);
        if let Some(at) = &self.at {
            anstream::eprintln!("  --> {at}");
        }
        if let Some(cause) = &self.cause {
            anstream::eprintln!("  cause: {cause}");
        }
        for help in &self.help {
            anstream::eprintln!("  {cyan}help{cyan:#}: {help}");
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(at) = &self.at {
            write!(f, " ({at})")?;
        }
        if let Some(cause) = &self.cause {
            write!(f, ": {cause}")?;
        }
        self.help.iter().try_for_each(|help| write!(f, "\nhelp: {help}"))
    }
}

impl std::error::Error for Error {}

/// The candidate that `typed` most likely meant, if one is near enough.
pub fn did_you_mean<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(typed, candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
