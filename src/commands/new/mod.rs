//! `formwork new`: from answers to a project on disk, and its proof.

mod proof;
mod report;

use std::{
    io::{IsTerminal as _, stderr, stdin, stdout},
    path::Path,
};

use self::report::Report;
use crate::{
    answers::{Choices, Draft, Order, ProjectName},
    catalog::{Catalog, Plan},
    check::{self, services::Way},
    cli::New,
    error::{Result, Status},
    estimate,
    interrupt::Interrupt,
    preset::Preset,
    project::{Place, Pouring, Project, Site, Wish, absolute},
    render, shell, wizard,
};

pub(super) fn run(arguments: &New) -> Result<Status> {
    let interrupt = Interrupt::of_process();
    let embedded = Catalog::embedded()?;
    let preset = arguments.preset.as_ref().map(|preset| Preset::load(preset, &embedded)).transpose();
    // Ctrl-C ends git too, which then says that it failed.
    interrupt.check()?;
    let preset = preset?;
    let catalog = preset.as_ref().map_or(&embedded, |preset| &preset.catalog);
    let draft = draft(arguments, catalog, preset.as_ref())?;
    // Before questions are asked whose answers could not be used.
    match &draft.path {
        Some(path) => Site::find(path, wish(arguments)).map(drop)?,
        None => Place::find(&absolute(Path::new("project"))?, wish(arguments)).map(drop)?,
    }
    let is_proven = !arguments.no_check && !arguments.dry_run;
    if is_proven {
        proof::preflight()?;
    }
    let order = order(arguments, catalog, draft)?;
    interrupt.check()?;
    let site = Site::find(&order.path, wish(arguments))?;
    let pinned = preset.as_ref().map(|preset| preset.pinned_in(&site.target.path)).transpose()?;
    let order = Order { answers: order.answers.under(pinned), ..order };
    let plan = Plan::new(catalog, &order.answers)?;
    let render = render::render(&plan)?;
    let crates = render.crates().count();
    let project = Project::compose(render.tree, &render.servers, &order.answers, &site.place)?;
    let report = Report::new(&order.answers, &site.target.path, crates, render.commands, &project);
    if arguments.dry_run {
        report.print_dry_run(arguments.json);
        return Ok(Status::Fine);
    }
    let pouring = Pouring { with_git: !arguments.no_git, offline: arguments.offline, interrupt: &interrupt };
    let committed = project.pour(&site, &order.answers, pouring)?;
    if !arguments.json {
        report.print_poured(&committed);
    }
    let proof = match is_proven {
        true => {
            let expected = proof::Expected {
                crates,
                first: estimate::first_check(catalog, &plan, crates)?,
                later: estimate::later_check(catalog)?,
            };
            Some(proof::prove(&site.target.path, arguments, &expected)?)
        }
        false => None,
    };
    let status = proof.as_ref().map_or(Status::Fine, check::Report::status);
    match arguments.json {
        true => report.print_json(&committed, proof.as_ref()),
        // What failed has said what comes next.
        false if status == Status::Fine => report.print_next(),
        false => {}
    }
    Ok(status)
}

fn draft(arguments: &New, catalog: &Catalog, preset: Option<&Preset>) -> Result<Draft> {
    let of_preset = preset.map_or_else(Choices::default, |preset| preset.choices.clone());
    let mut choices = of_preset.clone();
    let vars = preset.map(Preset::vars).unwrap_or_default();
    for pair in &arguments.set {
        choices.set_pair(catalog, pair)?;
    }
    let name = match (&arguments.name, &arguments.path) {
        (Some(name), _) => Some(ProjectName::new(name)?),
        (None, Some(path)) => Some(ProjectName::of_path(path)?),
        (None, None) => None,
    };
    let path = arguments.path.clone();
    let mut draft = Draft { path, name, choices, of_preset, vars, recommended: arguments.yes };
    for pair in &arguments.var {
        draft.set_var(catalog, pair)?;
    }
    Ok(draft)
}

/// From the wizard where somebody is there to be asked and something is left to ask.
fn order(arguments: &New, catalog: &Catalog, draft: Draft) -> Result<Order> {
    let somebody_is_there = stdin().is_terminal() && stdout().is_terminal() && stderr().is_terminal();
    match somebody_is_there && !arguments.json && !draft.is_complete(catalog) {
        true => wizard::run(catalog, draft, &flags(arguments).iter().map(String::as_str).collect::<Vec<_>>()),
        false => draft.complete(catalog),
    }
}

fn wish(arguments: &New) -> Wish {
    match (arguments.member, arguments.standalone) {
        (true, _) => Wish::Member,
        (_, true) => Wish::Standalone,
        _ => Wish::None,
    }
}

/// The flags that are not answers, for the command line that the wizard shows.
fn flags(arguments: &New) -> Vec<String> {
    let preset = arguments.preset.iter().map(|preset| format!("--preset {}", shell::word(preset)));
    let services = arguments.services;
    let services = (services != Way::default()).then(|| format!("--services {}", services.name()));
    let all = [
        (arguments.dry_run, "--dry-run"),
        (arguments.no_check, "--no-check"),
        (arguments.no_git, "--no-git"),
        (arguments.offline, "--offline"),
        (arguments.member, "--member"),
        (arguments.standalone, "--standalone"),
    ];
    let given = all.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
    preset.chain(services).chain(given).collect()
}
