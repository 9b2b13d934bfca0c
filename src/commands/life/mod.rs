//! `formwork set` and `formwork update`: from other answers or newer templates to one commit, and its proof.

mod choose;
mod report;

use std::{
    io::{IsTerminal as _, stderr, stdin, stdout},
    path::Path,
};

use self::report::Report;
use crate::{
    catalog::Catalog,
    check::{self, report::text},
    cli::{How, Set, Update},
    error::{Error, Result, Status},
    interrupt::Interrupt,
    life::{Applied, AsOf, Change, Interrupted, Made, Owned, Repository, Standard, Wish, apply, followers},
    shell,
};

pub(super) fn set(arguments: &Set) -> Result<Status> {
    run(Wish::Set, &arguments.project, &arguments.answers, &arguments.how)
}

pub(super) fn update(arguments: &Update) -> Result<Status> {
    run(Wish::Update, &arguments.path, &[], &arguments.how)
}

fn run(wish: Wish, path: &Path, answers: &[String], how: &How) -> Result<Status> {
    let interrupt = Interrupt::of_process();
    let is_proven = !how.no_check && !how.dry_run;
    if is_proven {
        // Before minutes of work, not after them.
        check::preflight()?;
    }
    let folder = Owned::folder(path)?;
    let mut repository = if how.dry_run { settled_repository(&folder)? } else { resumed(&folder)? };
    let owned = Owned::find(&folder)?;
    owned.expect_not_newer()?;
    repository.expect_clean()?;
    if how.dry_run {
        repository.quarantine()?;
    }
    let as_of = if wish == Wish::Update { AsOf::Today } else { AsOf::Render };
    let standard = Standard::of(&owned, &Catalog::embedded()?, as_of, &how.var)?;
    let asked = followers::asked(&standard.catalog, answers)?;
    let settled = followers::settle(&standard.catalog, &owned, &asked)?;
    // Who says which way to go need not be asked whether.
    let is_said = settled.len() > 1;
    let settled = choose::one(wish, &asked, settled, may_ask(how))?;
    let change = Change::prepare(wish, &standard, &owned, &repository, &settled, how.offline)?;
    let mut report = Report::new(&owned, &repository, &change, how.dry_run);
    if change.is_empty() || how.dry_run {
        report.print(how.json)?;
        return Ok(Status::Fine);
    }
    if how.rollback_on_red && !change.conflicts.is_empty() {
        report.rolled_back = true;
        report.print(how.json)?;
        return Ok(Status::Failed);
    }
    if may_ask(how) && !is_said && !choose::agrees(&change)? {
        return Err(Error::interrupted().help("nothing was changed"));
    }
    interrupt.check()?;
    report.applied = Some(change.apply(&repository)?);
    if !how.json {
        report.print(false)?;
    }
    let status = match report.applied {
        Some(Applied::Committed(_)) if is_proven => prove(&mut report, &owned, &repository, how)?,
        Some(Applied::Committed(_)) => Status::Fine,
        _ => Status::Failed,
    };
    if how.json {
        report.print(true)?;
    }
    Ok(status)
}

fn prove(report: &mut Report<'_>, owned: &Owned, before: &Repository, how: &How) -> Result<Status> {
    let made = Made::now(before)?;
    let request = check::Request {
        services: how.services,
        offline: how.offline,
        json: how.json,
        ..check::Request::default()
    };
    if !how.json {
        anstream::println!("\nproving it\n");
    }
    let proof = check::run(&owned.folder, &request).map_err(|error| {
        let next = format!("the change is kept; go on with: formwork check {}", shell::path(&owned.folder));
        if error.status == Status::Interrupted { error } else { error.help(next) }
    })?;
    let status = proof.status();
    if !how.json {
        anstream::println!("\n{}", text::verdict(&proof));
    }
    report.check = Some(proof);
    if status != Status::Fine && how.rollback_on_red {
        apply::take_back(&Repository::of(&owned.folder)?, &made, &before.head)?;
        report.rolled_back = true;
        if !how.json {
            anstream::println!("\nthe check is red: back at {}", &before.head[..10]);
        }
    }
    Ok(status)
}

/// The repository, after what a killed run left is finished.
fn resumed(folder: &Path) -> Result<Repository> {
    let repository = Repository::of(folder)?;
    let Some(interrupted) = Interrupted::find(&repository)? else { return Ok(repository) };
    let kept = interrupted.finish(&repository)?;
    anstream::eprintln!("an earlier run was killed; its change is finished now");
    if !kept.is_empty() {
        anstream::eprintln!("  {}", apply::kept_message(&kept));
    }
    Repository::of(folder)
}

/// The repository, for who only looks.
pub(super) fn settled_repository(folder: &Path) -> Result<Repository> {
    let repository = Repository::of(folder)?;
    match Interrupted::find(&repository)? {
        None => Ok(repository),
        Some(_) => Err(Error::usage("a run that changed this project was killed before it was done")
            .at(folder, None)
            .help("finish it: formwork update")),
    }
}

fn may_ask(how: &How) -> bool {
    let somebody_is_there = stdin().is_terminal() && stdout().is_terminal() && stderr().is_terminal();
    somebody_is_there && !how.yes && !how.json && !how.dry_run
}
