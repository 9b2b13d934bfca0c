//! `formwork drift`: for CI, whether a project is still what it was made to be.

use super::life::settled_repository;
use crate::{
    catalog::Catalog,
    cli,
    error::{Error, Result, Status},
    life::{AsOf, Owned, Standard, drift::Drift},
};

pub(super) fn run(arguments: &cli::Drift) -> Result<Status> {
    let folder = Owned::folder(&arguments.path)?;
    let mut repository = settled_repository(&folder)?;
    let owned = Owned::find(&folder)?;
    owned.expect_not_newer()?;
    repository.quarantine()?;
    let standard = Standard::of(&owned, &Catalog::embedded()?, AsOf::Today, &[])?;
    let drift = Drift::of(&standard, &owned, &repository)?;
    match arguments.json {
        true => {
            let text = serde_json::to_string_pretty(&drift)
                .map_err(|error| Error::failed("cannot write JSON").cause(error))?;
            println!("{text}");
        }
        false => print(&owned, &drift),
    }
    Ok(if drift.conforms { Status::Fine } else { Status::Failed })
}

fn print(owned: &Owned, drift: &Drift) {
    let verdict = if drift.conforms { "is what it was made to be" } else { "has drifted" };
    anstream::println!("{} {verdict}", owned.name);
    for finding in &drift.findings {
        anstream::println!("  {}: {}", finding.about, finding.message);
        finding.at.iter().for_each(|at| anstream::println!("    --> {at}"));
        finding.help.iter().for_each(|help| anstream::println!("    help: {help}"));
    }
    if !drift.claims.now.is_empty() {
        anstream::println!("  claims {}", drift.claims.now.join(", "));
    }
    let behind = &drift.behind;
    match behind.files {
        Some(0) if behind.from == behind.to => anstream::println!("  up to date with formwork {}", behind.to),
        Some(files) => anstream::println!(
            "  rendered by formwork {}, and formwork {} renders {files} files otherwise: formwork update",
            behind.from,
            behind.to
        ),
        None => anstream::println!("  rendered by formwork {}; this is {}", behind.from, behind.to),
    }
}
