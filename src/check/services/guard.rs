//! What stops a server together with the process that started it, however that ends.

use std::{
    fs::File,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::catalog::Server;

/// The one that projects have for their tests: a shell that waits for the end of its standard input.
const SCRIPT: &str = include_str!("../../../templates/base/files-servers/tests/it/support/servers/guard.sh");

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    folder: PathBuf,
}

impl Guard {
    /// Starts what `command` has been prepared for: its user and variables. The folder is the server's own.
    pub fn start(mut command: Command, server: &Server, folder: &Path, log: &File) -> io::Result<Self> {
        command.args(["-c", SCRIPT, "guard", &server.start, server.stop.signal()]);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log.try_clone()?);
        let child = command.process_group(0).spawn()?;
        Ok(Self { child, folder: folder.to_owned() })
    }

    /// Whether the server has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.folder.join("ended").exists() || !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends in some seconds, whatever the server does.
        let _ = self.child.wait();
    }
}
