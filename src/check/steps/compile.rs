//! clippy and build: cargo calls that compile, read message by message.

use std::{
    path::PathBuf,
    process::{Command, ExitStatus},
};

use super::Run;
use crate::{
    check::{
        Outcome, Step, cargo,
        log::Log,
        messages::{Compiled, Diagnostic, Message},
        process,
        report::StepReport,
    },
    error::{Error, Result},
};

/// Diagnostics that are shown; the rest is in the log.
const SHOWN: usize = 8;
/// Lines of cargo's own words, where no diagnostic says what is wrong.
const LAST_WORDS: usize = 15;

/// How cargo says that it reached nobody.
const NO_NETWORK: [&str; 3] = ["failed to download", "download of", "network failure"];

/// What one cargo call said.
pub struct Outputs {
    pub status: ExitStatus,
    pub crates_compiled: usize,
    diagnostics: Vec<Diagnostic>,
    texts: Vec<String>,
}

/// Runs before everything else that compiles, so that the dependencies are compiled here, once.
pub fn clippy(run: &mut Run) -> Result<StepReport> {
    let command = cargo::lint(run.project, run.request.offline)?;
    let mut log = Log::create(run.project, Step::Clippy)?;
    let outputs = call(run, command, &mut log)?;
    let mut report = outputs.report(Step::Clippy, &log);
    if outputs.has_compile_errors() {
        run.blocked = Some("the project does not compile");
    }
    let warnings = outputs.diagnostics.iter().filter(|diagnostic| !diagnostic.is_error).count();
    if warnings > 0 && outputs.status.success() {
        let proven = run.project.proven.as_deref().unwrap_or_default();
        let release = &run.project.rustc.release;
        report.summary = format!(
            "{}; {warnings} warnings, which are no verdict: this is Rust {release}, the project is proven with {proven}",
            report.summary
        );
    }
    Ok(report)
}

/// Exactly what `cargo run` builds, so that it finds nothing to do after a check.
pub fn build(run: &mut Run) -> Result<StepReport> {
    let mut log = Log::create(run.project, Step::Build)?;
    let outputs = build_binary(run, &mut log)?;
    Ok(outputs.report(Step::Build, &log))
}

/// The binary, built first if the build step was not asked for; or the report that says why there is none.
pub fn binary(run: &mut Run, step: Step, mut log: Log) -> Result<Result<PathBuf, StepReport>> {
    if !run.built {
        let outputs = build_binary(run, &mut log)?;
        if !outputs.status.success() {
            return Ok(Err(outputs.report(step, &log)));
        }
    }
    Ok(run.project.binary_path().filter(|path| path.is_file()).ok_or_else(|| {
        run.blocked = Some("there is no binary");
        StepReport::new(step, Outcome::Failed, "the package has no binary to start")
    }))
}

fn build_binary(run: &mut Run, log: &mut Log) -> Result<Outputs> {
    let command = cargo::compile(run.project, "build", run.request.offline);
    let outputs = call(run, command, log)?;
    run.built = outputs.status.success();
    if !run.built {
        run.blocked = Some("the project does not build");
    }
    Ok(outputs)
}

/// One cargo call that compiles: seeded before, harvested after.
pub fn call(run: &mut Run, command: Command, log: &mut Log) -> Result<Outputs> {
    fetch(run)?;
    run.screen.message("looking for compiled crates in the cache");
    run.cache.seed()?;
    let mut compiled = Compiled::default();
    let (mut diagnostics, mut texts) = (Vec::new(), Vec::new());
    let status = process::run(command, run.interrupt, |line| match Message::read(line) {
        Message::Artifact(artifact) => compiled.add(artifact),
        Message::Diagnostic(diagnostic) => {
            diagnostic.rendered.lines().for_each(|line| log.line(line));
            diagnostics.push(diagnostic);
        }
        Message::Progress { done, total, what } => {
            run.screen.progress(done, total, "units compiled", &what);
        }
        Message::Text(text) => {
            log.line(&text);
            texts.push(text);
        }
        Message::Noise => {}
    })?;
    if status.success() {
        run.screen.message("keeping compiled crates for other projects");
        run.cache.harvest(&compiled)?;
    }
    let crates_compiled = compiled.compiled_registry_crates();
    run.compiled.artifacts.extend(compiled.artifacts);
    diagnostics.dedup();
    Ok(Outputs { status, crates_compiled, diagnostics, texts })
}

/// Crates that are neither here nor to be had are no fault of the project's. Whatever else cargo complains of, it
/// will say again where it compiles.
fn fetch(run: &mut Run) -> Result<()> {
    if run.fetched {
        return Ok(());
    }
    run.screen.message("downloading crates");
    let offline = run.request.offline;
    let mut said = Vec::new();
    let status =
        process::run(cargo::fetch(run.project, offline), run.interrupt, |line| said.push(line.to_owned()))?;
    run.fetched = true;
    match missing_crates(&said, offline) {
        Some(error) if !status.success() => Err(error),
        _ => Ok(()),
    }
}

fn missing_crates(said: &[String], offline: bool) -> Option<Error> {
    let says = |words: &[&str]| said.iter().any(|line| words.iter().any(|word| line.contains(word)));
    let cause: Vec<&str> = said
        .iter()
        .map(|line| line.trim().trim_start_matches("error: "))
        .filter(|line| !line.is_empty())
        .collect();
    if offline && says(&["offline"]) {
        return Some(
            Error::missing("crates are not on this machine, and --offline keeps cargo from downloading them")
                .cause(cause.first().copied().unwrap_or_default())
                .help("where there is a network, once: cargo fetch --locked")
                .help("or leave --offline out"),
        );
    }
    says(&NO_NETWORK).then(|| {
        Error::missing("crates cannot be downloaded")
            .cause(cause.join("\n    "))
            .help("cargo needs a way to its registry: HTTPS_PROXY or `http.proxy` in cargo's configuration names a proxy")
    })
}

impl Outputs {
    pub fn report(&self, step: Step, log: &Log) -> StepReport {
        let (outcome, summary) = match self.status.success() {
            true => (Outcome::Passed, crates(self.crates_compiled)),
            false => (Outcome::Failed, self.verdict()),
        };
        let mut report = StepReport::new(step, outcome, summary);
        report.crates_compiled = self.crates_compiled;
        report.log = Some(log.path.clone());
        if outcome == Outcome::Failed || self.diagnostics.iter().any(|diagnostic| diagnostic.is_error) {
            report.excerpt = self.excerpt();
        }
        report
    }

    /// Errors that are no lints: nothing that follows can work.
    pub fn has_compile_errors(&self) -> bool {
        let hard = |diagnostic: &&Diagnostic| diagnostic.is_error && !diagnostic.is_lint;
        !self.status.success() && (self.errors().next().is_none() || self.errors().any(|error| hard(&error)))
    }

    pub fn excerpt(&self) -> String {
        let errors: Vec<&Diagnostic> = self.errors().collect();
        if errors.is_empty() {
            let last = self.texts.len().saturating_sub(LAST_WORDS);
            return self.texts[last..].join("\n");
        }
        let shown: Vec<&str> = errors.iter().take(SHOWN).map(|error| error.rendered.trim_end()).collect();
        let mut text = shown.join("\n\n");
        if let Some(more @ 1..) = errors.len().checked_sub(SHOWN) {
            text.push_str(&format!("\n\n… {more} more errors"));
        }
        text
    }

    fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error)
    }

    fn verdict(&self) -> String {
        match self.errors().count() {
            0 => "cargo could not do its work".to_owned(),
            1 => "1 error".to_owned(),
            errors => format!("{errors} errors"),
        }
    }
}

pub fn crates(compiled: usize) -> String {
    match compiled {
        0 => "no crate of the registry compiled".to_owned(),
        1 => "1 crate of the registry compiled".to_owned(),
        crates => format!("{crates} crates of the registry compiled"),
    }
}
