//! A program on a pseudo-terminal, and somebody who sits there.

use std::{
    io::{Read as _, Write as _},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{CommandBuilder, ExitStatus, PtySize, native_pty_system};

pub(crate) const ENTER: &str = "\r";
pub(crate) const ESCAPE: &str = "\x1b";
pub(crate) const DOWN: &str = "\x1b[B";
pub(crate) const CTRL_C: &str = "\x03";
/// The machine may be busy; nothing is waited for longer than it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const ROWS: u16 = 50;
/// Of a terminal whose width is not what matters.
pub(crate) const COLUMNS: u16 = 160;

/// A program on a terminal of its own.
pub(crate) struct Terminal {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    keyboard: Box<dyn std::io::Write + Send>,
    output: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
    /// How much of the screen's text has been looked at.
    seen: usize,
    columns: u16,
    /// Dropping it would hang up.
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Terminal {
    pub(crate) fn open(command: CommandBuilder, columns: u16) -> Self {
        let size = PtySize { rows: ROWS, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).unwrap();
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let mut screen = pty.master.try_clone_reader().unwrap();
        let output = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&output);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut bytes) {
                written.lock().unwrap().extend_from_slice(&bytes[..length]);
            }
        });
        let keyboard = pty.master.take_writer().unwrap();
        Self { child, keyboard, output, reader, seen: 0, columns, _master: pty.master }
    }

    /// All text so far, without colours and movements.
    pub(crate) fn text(&self) -> String {
        let bytes = self.output.lock().unwrap();
        anstream::adapter::strip_str(&String::from_utf8_lossy(&bytes)).to_string()
    }

    /// What somebody who sits there sees now.
    pub(crate) fn screen(&self) -> String {
        self.rows().join("\n")
    }

    /// The same row by row, blanks at the end left out.
    pub(crate) fn rows(&self) -> Vec<String> {
        let mut screen = vt100::Parser::new(ROWS, self.columns, 0);
        screen.process(&self.output.lock().unwrap());
        screen.screen().rows(0, self.columns).map(|row| row.trim_end().to_owned()).collect()
    }

    /// Waits until `text` appears after what has been waited for before.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = self.text();
            if let Some(at) = all.get(self.seen..).and_then(|new| new.find(text)) {
                self.seen += at + text.len();
                return self;
            }
            assert!(Instant::now() < deadline, "{text:?} does not appear; the screen says:\n{all}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
        self
    }

    /// Waits for the end; gives the exit status and all that was on the screen.
    pub(crate) fn ends(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end; the screen says:\n{}", self.text());
            thread::sleep(Duration::from_millis(5));
        };
        let deadline = Instant::now() + PATIENCE;
        while !self.reader.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        (status, self.text())
    }
}
