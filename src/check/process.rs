//! Child processes in groups of their own: they die with the check, and never outlive a Ctrl-C.

use std::{
    io::{self, BufRead, BufReader, PipeReader},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{
    error::{Error, Result},
    interrupt::Interrupt,
};

const TICK: Duration = Duration::from_millis(50);
/// How long children may take to leave after SIGTERM.
const GRACE: Duration = Duration::from_secs(3);
/// How long output may stay open after the child is gone: something it started still holds it.
const LINGER: Duration = Duration::from_secs(2);

/// Runs a command to its end and hands over its output, both streams in order, line by line.
///
/// A carriage return ends a line too: that is how progress is drawn.
pub fn run(mut command: Command, interrupt: &Interrupt, mut on_line: impl FnMut(&str)) -> Result<ExitStatus> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |error: io::Error| Error::failed(format!("cannot run {program}")).cause(error);
    let (reader, writer) = io::pipe().map_err(failed)?;
    command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(failed)?).stderr(writer);
    let mut child = command.process_group(0).spawn().map_err(failed)?;
    // The command holds the pipe's writing end: without this the reader would never see its end.
    drop(command);

    let lines = read_lines(reader);
    let mut gone: Option<Instant> = None;
    loop {
        if interrupt.is_raised() {
            stop(&mut child);
            return Err(Error::interrupted());
        }
        match lines.recv_timeout(TICK) {
            Ok(line) => on_line(&line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                if gone.is_none() && child.try_wait().map_err(failed)?.is_some() {
                    gone = Some(Instant::now());
                }
                if gone.is_some_and(|since| since.elapsed() > LINGER) {
                    signal_group(&child, Signal::KILL);
                    break;
                }
            }
        }
    }
    child.wait().map_err(failed)
}

/// Asks the whole group to leave, then makes it.
pub fn stop(child: &mut Child) {
    signal_group(child, Signal::TERM);
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        if matches!(child.try_wait(), Ok(Some(_))) {
            break;
        }
        thread::sleep(TICK);
    }
    signal_group(child, Signal::KILL);
    let _ = child.wait();
}

/// A group that is already gone is no error: that is what was wanted.
pub fn signal_group(child: &Child, signal: Signal) {
    let _ = kill_process_group(Pid::from_child(child), signal);
}

fn read_lines(reader: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        // A progress line ends without a newline, so lines are cut from whatever has arrived.
        while let Ok(arrived @ [_, ..]) = reader.fill_buf() {
            let end = arrived.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            line.extend_from_slice(&arrived[..end.unwrap_or(arrived.len())]);
            let taken = end.map_or(arrived.len(), |end| end + 1);
            reader.consume(taken);
            if end.is_some() && !send(&sender, &mut line) {
                return;
            }
        }
        if !line.is_empty() {
            send(&sender, &mut line);
        }
    });
    receiver
}

fn send(sender: &Sender<String>, line: &mut Vec<u8>) -> bool {
    let text = String::from_utf8_lossy(line).into_owned();
    line.clear();
    sender.send(text).is_ok()
}
