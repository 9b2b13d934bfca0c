//! `formwork new`: from answers to a project on disk, and its proof.

mod draft;
mod report;

use std::path::{Path, PathBuf};

use self::draft::Draft;
use crate::{
    answers::Answers,
    catalog::{Catalog, Plan},
    check,
    cli::New,
    error::{Result, Status},
    interrupt::Interrupt,
    project::{Project, Site, Wish},
    render,
};

/// What was asked for, complete and valid.
struct Order {
    answers: Answers,
    path: PathBuf,
}

pub(super) fn run(arguments: &New) -> Result<Status> {
    let interrupt = Interrupt::of_process();
    let catalog = Catalog::embedded()?;
    let draft = Draft::of(arguments, &catalog)?;
    let order = draft.complete(&catalog)?;
    let site = Site::find(&order.path, wish(arguments))?;
    let plan = Plan::new(&catalog, &order.answers)?;
    let render = render::render(&plan)?;
    let project = Project::compose(render.tree.clone(), &order.answers, &site.place)?;
    let report = report::Report::new(&order.answers, &site.target.path, &render, &project);
    if arguments.dry_run {
        report.print_dry_run(arguments.json);
        return Ok(Status::Fine);
    }
    if !arguments.no_check {
        check::preflight()?;
    }
    let committed = project.pour(&site, &order.answers, !arguments.no_git, &interrupt)?;
    let status = prove(&site.target.path, arguments)?;
    report.print(&committed, arguments.json);
    Ok(status)
}

fn wish(arguments: &New) -> Wish {
    match (arguments.member, arguments.standalone) {
        (true, _) => Wish::Member,
        (_, true) => Wish::Standalone,
        _ => Wish::None,
    }
}

/// The check runs in place, after the project is whole: a red or interrupted check keeps it.
fn prove(project: &Path, arguments: &New) -> Result<Status> {
    if arguments.no_check {
        return Ok(Status::Fine);
    }
    let request = check::Request { offline: arguments.offline, json: arguments.json, ..Default::default() };
    let report = check::run(project, &request)?;
    if !arguments.json {
        anstream::println!("\n{}", check::report::text::verdict(&report));
    }
    Ok(report.status())
}
