//! `formwork cache`: what is kept, or nothing any more.

use crate::{
    check::cache::{self, Summary},
    cli::{Cache, CacheAction},
    error::{Error, Result, Status},
    interrupt::Interrupt,
};

pub(super) fn run(arguments: &Cache) -> Result<Status> {
    let summary = match arguments.action {
        Some(CacheAction::Clear) => cache::clear(&Interrupt::of_process())?,
        Some(CacheAction::Show) | None => cache::summary()?,
    };
    if arguments.json {
        let json = serde_json::to_string_pretty(&summary)
            .map_err(|error| Error::failed("cannot write JSON").cause(error))?;
        println!("{json}");
        return Ok(Status::Fine);
    }
    match arguments.action {
        Some(CacheAction::Clear) => println!("removed {} in {} units", size(summary.bytes), summary.units),
        Some(CacheAction::Show) | None => show(&summary),
    }
    Ok(Status::Fine)
}

fn show(summary: &Summary) {
    println!("{}", summary.path.display());
    println!("  {} of at most {} (FORMWORK_CACHE_MAX)", size(summary.bytes), size(summary.max_bytes));
    println!(
        "  {} crates in {} compiled units, for {} toolchains and settings",
        summary.crates, summary.units, summary.toolchains
    );
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{:.0} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.0} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
