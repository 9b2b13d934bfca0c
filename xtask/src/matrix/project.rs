//! One project of the matrix: poured by the tool as a user runs it, checked, and thrown away.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Instant,
};

use duct::cmd;
use formwork::{
    answers::Choices,
    error::{Error, Result},
    evidence::{NAME, Proven},
};
use serde_json::Value;

use super::Combination;
use crate::long::Long;

/// All steps of the check.
pub(super) const WHOLE: &str = "fmt,clippy,build,test,boot,probe";
pub(super) const LINT: &str = "fmt,clippy";

/// What is run beyond the steps of a check.
#[derive(Clone, Copy, Default)]
pub(super) struct Beyond<'a> {
    /// The project's own long tests, each by itself.
    pub(super) long: &'a [Long],
    /// And those that it leaves out (`#[ignore]`), if there are any.
    pub(super) ignored: bool,
}

/// The tool, and where its compiled crates are kept from one project to the next.
pub(super) struct Workshop {
    formwork: PathBuf,
    cache: PathBuf,
    pub(super) toolchain: String,
}

impl Workshop {
    pub(super) fn build(home: &Path) -> Result<Self> {
        let failed = |error| Error::failed("formwork cannot be built").cause(error);
        cmd!("cargo", "build", "--locked", "--package", "formwork").dir(home).run().map_err(failed)?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| home.join("target"), PathBuf::from);
        let toolchain = toolchain(home)?;
        Ok(Self { formwork: target.join("debug/formwork"), cache: target.join("matrix"), toolchain })
    }

    /// What is proven now, or nothing where something is red: then it is told, and the project stays.
    pub(super) fn check(
        &self,
        wanted: &Combination,
        steps: &str,
        beyond: Beyond<'_>,
    ) -> Result<Option<Proven>> {
        let folder = tempfile::tempdir()
            .map_err(|error| Error::failed("cannot make a temporary folder").cause(error))?;
        let project = folder.path().join(NAME);
        let flags = ["new", "--yes", "--json", "--no-check"].map(str::to_owned);
        let flags = flags.into_iter().chain(answers(wanted));
        let poured = json(&self.formwork(flags, &project)?)?;
        if poured["tree_hash"] != wanted.tree.as_str() {
            return Err(Error::failed("the tool pours another project than the templates render"));
        }
        let flags = ["check", "--json", "--steps", steps].map(str::to_owned);
        let report = json(&self.formwork(flags.into_iter(), &project)?)?;
        if report["passed"] == true && endures(&project, &report, beyond)? {
            let proven = proven(&wanted.choices, &wanted.tree, &report)?;
            println!("      {}", summary(&proven, steps));
            return Ok(Some(proven));
        }
        let kept = folder.keep().join(NAME);
        tell(&report);
        println!("      RED; kept: formwork check {}", kept.display());
        // Compiled crates of a red project are of no use, and take gigabytes.
        let _ = fs::remove_dir_all(kept.join("target"));
        Ok(None)
    }

    fn formwork(&self, arguments: impl Iterator<Item = String>, project: &Path) -> Result<Output> {
        let mut command = elsewhere(&self.formwork);
        command.args(arguments).arg(project).env("XDG_CACHE_HOME", &self.cache).stderr(Stdio::inherit());
        command.output().map_err(|error| Error::failed("formwork cannot be started").cause(error))
    }
}

/// The compiler's release.
pub(super) fn toolchain(home: &Path) -> Result<String> {
    let said = cmd!("rustc", "--version").dir(home).read();
    let said = said.map_err(|error| Error::missing("rustc cannot be started").cause(error))?;
    Ok(said.split(' ').nth(1).unwrap_or_default().to_owned())
}

/// A program that works on a project.
fn elsewhere(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    // Cargo's own variables speak of this task, not of the project.
    let own = |name: &str| name.starts_with("CARGO_") && name != "CARGO_HOME";
    for (name, _) in env::vars().filter(|(name, _)| own(name) || name == "RUSTUP_TOOLCHAIN") {
        command.env_remove(name);
    }
    command
}

/// How `formwork new` is told what to pour.
fn answers(wanted: &Combination) -> Vec<String> {
    match &wanted.preset {
        Some(preset) => vec!["--preset".to_owned(), preset.clone()],
        None => {
            let pairs = wanted.choices.iter().map(|(slot, option)| format!("{slot}={option}"));
            pairs.flat_map(|pair| ["--set".to_owned(), pair]).collect()
        }
    }
}

/// Whether the long tests pass at their full length, and those that the check left out; the first that does not is told.
fn endures(project: &Path, report: &Value, beyond: Beyond<'_>) -> Result<bool> {
    for Long { variable, size, module } in beyond.long {
        let Some(module) = module else { continue };
        if !passes(project, &[module], &[(variable, size)])? {
            return Ok(false);
        }
    }
    let is_left_out = outcomes(report, "test", "ignored").next().is_some();
    Ok(!(beyond.ignored && is_left_out) || passes(project, &["--", "--ignored"], &[])?)
}

/// Whether some tests are found, and all of them pass.
fn passes(project: &Path, tests: &[&str], variables: &[(&str, &str)]) -> Result<bool> {
    let begun = Instant::now();
    let mut cargo = elsewhere("cargo");
    cargo.args(["test", "--locked", "--test", "it"]).args(tests).current_dir(project);
    cargo.envs(variables.iter().copied()).env("REQUIRE_SERVICES", "1");
    let output = cargo.output();
    let output = output.map_err(|error| Error::missing("cargo cannot be started").cause(error))?;
    let set: String = variables.iter().map(|(name, value)| format!("{name}={value} ")).collect();
    let tests = tests.join(" ");
    println!("      {set}{tests} in {:.0} s", begun.elapsed().as_secs_f64());
    let said = String::from_utf8_lossy(&output.stdout);
    let is_green = output.status.success() && passed(&said) > 0;
    if !is_green {
        println!("{said}      {tests}: at least one test must pass, and all that there are");
    }
    Ok(is_green)
}

/// How many tests passed. A module that no test is in is none that endures.
fn passed(said: &str) -> usize {
    let results = said.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    results.filter_map(|result| result.split(' ').next()?.parse::<usize>().ok()).sum()
}

fn json(output: &Output) -> Result<Value> {
    serde_json::from_slice(&output.stdout).map_err(|error| {
        Error::failed("formwork said what is no JSON")
            .cause(String::from_utf8_lossy(&output.stdout))
            .cause(error)
    })
}

fn proven(choices: &Choices, tree: &str, report: &Value) -> Result<Proven> {
    let today = cmd!("date", "-u", "+%F").read();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Ok(Proven {
        tree: tree.to_owned(),
        toolchain: text(&report["toolchain"]).unwrap_or_default(),
        date: today.map_err(|error| Error::missing("there is no `date`").cause(error))?,
        seconds: report["seconds"].as_f64().unwrap_or_default().round(),
        tests: outcomes(report, "test", "passed").count(),
        promises: outcomes(report, "probe", "kept")
            .filter_map(|name| name.split(' ').next().map(str::to_owned))
            .collect(),
        servers: list(&report["services"]).filter_map(|server| text(&server["title"])).collect(),
        answers: choices.iter().map(|(slot, option)| (slot.to_owned(), option.to_owned())).collect(),
    })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn outcomes<'a>(report: &'a Value, step: &'a str, outcome: &'a str) -> impl Iterator<Item = &'a str> {
    let steps = list(&report["steps"]).filter(move |own| own["step"] == step);
    let cases = steps.flat_map(|step| list(&step["cases"])).filter(move |case| case["outcome"] == outcome);
    cases.filter_map(|case| case["name"].as_str())
}

fn summary(proven: &Proven, steps: &str) -> String {
    let seconds = proven.seconds;
    match steps == WHOLE {
        true => format!("{} tests, {} promises, {seconds:.0} s", proven.tests, proven.promises.len()),
        false => format!("{steps} in {seconds:.0} s"),
    }
}

fn tell(report: &Value) {
    for step in list(&report["steps"]).filter(|step| step["outcome"] == "failed") {
        let text = |key: &str| step[key].as_str().unwrap_or_default();
        println!("      {}: {}\n{}", text("step"), text("summary"), text("excerpt"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_matches_no_test_has_proven_nothing() {
        let result =
            |passed| format!("running 0 tests\n\ntest result: ok. {passed} passed; 0 failed; 0 ignored\n");
        assert_eq!(passed(&result(0)), 0);
        assert_eq!(passed(&format!("{}{}", result(3), result(4))), 7);
    }
}
