//! `formwork preset check`: what a preset leaves open, rendered whole and checked pair by pair.

mod junit;
mod table;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::{Value, json};

use crate::{
    answers::{self, Answers, Choices, Draft, ProjectName},
    catalog::{Catalog, Plan},
    check::{self, Request},
    cli::PresetCheck,
    error::{Error, Result, Status},
    interrupt::Interrupt,
    preset::{self, Preset},
    project::{Pouring, Project, Site, Wish},
    render,
};

/// The name of the projects that are made only to be looked at.
const NAME: &str = "sample";

pub(super) fn run(arguments: &PresetCheck) -> Result<Status> {
    let interrupt = Interrupt::of_process();
    if let Some(file) = &arguments.junit {
        // Before the work of minutes, not after it.
        write(file, "")?;
    }
    let preset = Preset::load(&arguments.preset, &Catalog::embedded()?)?;
    let vars = sample(&preset, arguments)?;
    let mut proof = Proof::begin(&preset);
    proof.render(&preset, &vars, &interrupt)?;
    if !arguments.render && proof.is_green() {
        check::preflight()?;
        proof.check(&preset, &vars, arguments, &interrupt)?;
    }
    if let Some(file) = &arguments.junit {
        write(file, &junit::render(&proof))?;
    }
    match arguments.json {
        true => println!("{:#}", proof.json()),
        false => anstream::print!("{}", table::render(&proof)),
    }
    Ok(if proof.is_green() { Status::Fine } else { Status::Failed })
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)
        .map_err(|error| Error::failed("cannot write the report").at(file, None).cause(error))
}

/// An answer to each of the preset's questions: given, the default, or its example.
fn sample(preset: &Preset, arguments: &PresetCheck) -> Result<BTreeMap<String, String>> {
    let mut draft = Draft { vars: preset.vars(), recommended: true, ..Draft::default() };
    for pair in &arguments.var {
        draft.set_var(&preset.catalog, pair)?;
    }
    let mut vars = draft.filled_vars(&preset.catalog);
    for question in preset.catalog.questions() {
        if let Some(example) = &question.example {
            vars.entry(question.name.clone()).or_insert_with(|| example.clone());
        }
        if !vars.contains_key(&question.name) {
            let error = Error::usage(format!("`{}` has neither a default nor an example", question.name));
            return Err(Error { at: Some(question.at.clone()), ..error }
                .help("example = \"…\" is what the check answers; or give it: --var NAME=VALUE"));
        }
    }
    Ok(vars)
}

/// What was found out about one preset.
struct Proof {
    preset: String,
    /// The slots of which more than one option is left.
    open: Vec<String>,
    warnings: Vec<String>,
    rendered: Vec<Rendered>,
    checked: Vec<Checked>,
}

/// One combination of what is open.
struct Rendered {
    choices: Vec<(String, String)>,
    seconds: f64,
    error: Option<String>,
}

struct Checked {
    choices: Vec<(String, String)>,
    report: check::Report,
    /// Where a red one is kept.
    kept: Option<PathBuf>,
}

impl Proof {
    fn begin(preset: &Preset) -> Self {
        let slots = preset.choices.open(&preset.catalog).filter(|slot| slot.options.len() > 1);
        let replaces = preset::replaced(&preset.catalog, &preset.overlaid);
        Self {
            preset: preset.pinned.from.clone(),
            open: slots.map(|slot| slot.name.clone()).collect(),
            warnings: preset::moved(preset.lock.1.as_ref(), &replaces),
            rendered: Vec::new(),
            checked: Vec::new(),
        }
    }

    fn is_green(&self) -> bool {
        self.rendered.iter().all(|one| one.error.is_none())
            && self.checked.iter().all(|one| one.report.passed)
    }

    /// What of a combination is the preset's reader's choice.
    fn open_of(&self, choices: &Choices) -> Vec<(String, String)> {
        let open = self.open.iter().filter_map(|slot| Some((slot.clone(), choices.get(slot)?.to_owned())));
        open.collect()
    }

    fn render(
        &mut self,
        preset: &Preset,
        vars: &BTreeMap<String, String>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        for choices in answers::all(&preset.catalog, &preset.choices) {
            interrupt.check()?;
            let begun = Instant::now();
            let answers = answers_of(preset, &choices, vars)?;
            let rendered = Plan::new(&preset.catalog, &answers).and_then(|plan| render::render(&plan));
            self.rendered.push(Rendered {
                choices: self.open_of(&choices),
                seconds: begun.elapsed().as_secs_f64(),
                error: rendered.err().map(|error| error.to_string()),
            });
        }
        Ok(())
    }

    fn check(
        &mut self,
        preset: &Preset,
        vars: &BTreeMap<String, String>,
        arguments: &PresetCheck,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let request = Request {
            steps: arguments.steps.clone(),
            services: arguments.services,
            offline: arguments.offline,
            json: arguments.json,
        };
        let few = answers::covering(&preset.catalog, &preset.choices);
        let count = few.len();
        for (at, choices) in few.iter().enumerate() {
            let named = self.open_of(choices);
            if !arguments.json {
                anstream::println!("{} of {count}: {}", at + 1, named_as(&named));
            }
            let folder = tempfile::tempdir()
                .map_err(|error| Error::failed("cannot make a temporary folder").cause(error))?;
            let project = folder.path().join(NAME);
            pour(&project, preset, &answers_of(preset, choices, vars)?, interrupt)?;
            let report = check::run(&project, &request)?;
            let kept = (!report.passed).then(|| folder.keep().join(NAME));
            self.checked.push(Checked { choices: named, report, kept });
        }
        Ok(())
    }

    /// Keys are stable.
    fn json(&self) -> Value {
        let answers = |choices: &[(String, String)]| choices.iter().cloned().collect::<BTreeMap<_, _>>();
        let rendered = |one: &Rendered| json!({ "answers": answers(&one.choices), "error": one.error });
        let checked = |one: &Checked| json!({ "answers": answers(&one.choices), "report": one.report, "kept": one.kept });
        json!({
            "schema": 1,
            "preset": self.preset,
            "passed": self.is_green(),
            "open": self.open,
            "warnings": self.warnings,
            "rendered": self.rendered.iter().map(rendered).collect::<Vec<_>>(),
            "checked": self.checked.iter().map(checked).collect::<Vec<_>>(),
        })
    }
}

/// `llm=openai cache=none`, or what is said where nothing is open.
fn named_as(choices: &[(String, String)]) -> String {
    match choices.is_empty() {
        true => "the one project that it makes".to_owned(),
        false => {
            choices.iter().map(|(slot, option)| format!("{slot}={option}")).collect::<Vec<_>>().join(" ")
        }
    }
}

fn answers_of(preset: &Preset, choices: &Choices, vars: &BTreeMap<String, String>) -> Result<Answers> {
    let answers = Answers::new(&preset.catalog, ProjectName::new(NAME)?, choices)?;
    Ok(answers.with_vars(&preset.catalog, vars.clone())?.under(Some(preset.pinned.clone())))
}

fn pour(project: &Path, preset: &Preset, answers: &Answers, interrupt: &Interrupt) -> Result<()> {
    let site = Site::find(project, Wish::Standalone)?;
    let rendered = render::render(&Plan::new(&preset.catalog, answers)?)?;
    let composed = Project::compose(rendered.tree, &rendered.servers, answers, &site.place)?;
    composed.pour(&site, answers, Pouring { with_git: false, offline: false, interrupt }).map(drop)
}
