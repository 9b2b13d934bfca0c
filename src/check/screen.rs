//! What a person sees while a check runs: a bar on a terminal, plain lines anywhere else.

use std::{
    cell::Cell,
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    report::{StepReport, text},
    step::Step,
};

/// How often a log file (a CI job's, say) hears how far the work is.
const LINE_EVERY: Duration = Duration::from_secs(10);

pub struct Screen {
    bar: Option<ProgressBar>,
    /// Standard output belongs to a JSON object.
    json: bool,
    last_line: Cell<Instant>,
    step: Cell<Option<Step>>,
}

impl Screen {
    pub fn new(json: bool) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        Self { bar, json, last_line: Cell::new(Instant::now()), step: Cell::new(None) }
    }

    pub fn start(&self, step: Step) {
        self.step.set(Some(step));
        self.last_line.set(Instant::now());
        if let Some(bar) = &self.bar {
            bar.set_style(style("  {prefix:7} {spinner} {elapsed} {wide_msg}"));
            bar.reset();
            bar.set_prefix(step.name());
            bar.set_message("");
        }
    }

    /// `done` of `total` units; `unit` says what they are.
    pub fn progress(&self, done: u64, total: u64, unit: &str, what: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_style(style("  {prefix:7} [{bar:30}] {pos}/{len} {elapsed} {wide_msg}"));
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(format!("{unit}: {what}"));
            }
            None if self.last_line.get().elapsed() >= LINE_EVERY => {
                self.last_line.set(Instant::now());
                let step = self.step.get().map_or("", Step::name);
                anstream::eprintln!("  {step:7} {done} of {total} {unit}");
            }
            None => {}
        }
    }

    /// What is going on, where there is nothing to count.
    pub fn message(&self, message: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(message.to_owned());
        }
    }

    pub fn finish(&self, step: &StepReport) {
        self.print(&text::step(step));
    }

    pub fn print(&self, text: &str) {
        let print = || match self.json {
            true => anstream::eprintln!("{text}"),
            false => anstream::println!("{text}"),
        };
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
