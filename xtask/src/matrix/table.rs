//! What is proven, for people: docs/evidence.md.

use std::fmt::Write as _;

use formwork::{
    answers::Choices,
    catalog::Catalog,
    evidence::{Evidence, Proven},
    preset,
};

const HEAD: &str = "# What is proven

Written by `cargo xtask matrix`. Each line is a project that was poured, formatted and lint-clean, built with `--locked`,
whose own tests were run, with real servers beside it, and that was booted and probed. In them every pair of options
stands that can stand together; the [stacks](#stacks) below are shipped presets, proven beyond that. The columns of answers
name the slots that have more than one option. The tree is the first eight digits of the hash that
`formwork new --name orders` prints for these answers; where the templates have moved on since, the project that they pour
now has another one.

";

const STACKS: &str = "
## Stacks

Shipped presets, each proven in the same way, and then by its long tests at their full length
([ci.md](ci.md#what-ci-runs-and-how-long-it-takes)): jobs while workers are killed, requests while the process is, and two
processes of each role on the same servers, of which one is killed under load, again and again.

| preset | servers | tests | promises | seconds | day | Rust | tree |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

pub(super) fn render(catalog: &Catalog, few: &[Choices], evidence: &Evidence) -> String {
    let slots: Vec<&str> =
        catalog.slots().iter().filter(|slot| slot.options.len() > 1).map(|slot| slot.name.as_str()).collect();
    let mut text = HEAD.to_owned();
    let _ = writeln!(
        text,
        "| {} | servers | tests | promises | seconds | day | Rust | tree |",
        slots.join(" | ")
    );
    let _ = writeln!(text, "|{}", " --- |".repeat(slots.len() + 7));
    for choices in few {
        let answers = slots.iter().map(|slot| choices.get(slot).unwrap_or_default());
        let answers = answers.collect::<Vec<_>>().join(" | ");
        let _ = writeln!(text, "| {answers} | {} |", cells(evidence.get(choices)).join(" | "));
    }
    text.push_str(STACKS);
    for name in preset::shipped() {
        let _ = writeln!(text, "| `{name}` | {} |", cells(evidence.stacks.get(&name)).join(" | "));
    }
    text
}

fn cells(proven: Option<&Proven>) -> [String; 7] {
    let Some(proven) = proven else { return ["", "", "", "", "not proven", "", ""].map(str::to_owned) };
    [
        proven.servers.join(", "),
        proven.tests.to_string(),
        proven.promises.len().to_string(),
        format!("{:.0}", proven.seconds),
        proven.date.clone(),
        proven.toolchain.clone(),
        proven.tree.trim_start_matches("sha256:").chars().take(8).collect(),
    ]
}
