//! `cargo xtask matrix --stacks`: shipped presets, each of them a stack that a team would run. Beyond what is proven of every
//! pair of options, its long tests are run at their full length: two processes of each role on the same servers, of which
//! one is killed under load, and what a network does that is cut or silent.

use std::{path::Path, rc::Rc};

use formwork::{
    catalog::Catalog,
    error::{Error, Result},
    evidence,
    preset::{self, Preset},
};

use super::{
    Combination, Matrix,
    project::{Beyond, WHOLE, Workshop},
    servers,
};
use crate::{long, test::Step};

/// With the tests that a project leaves out for their length.
const EVERYTHING: Beyond<'_> = Beyond { long: &long::ALL, ignored: true };

/// Proves every stack that is not proven yet, or all of them `again`; writes down each at once.
pub(crate) fn prove(home: &Path, again: bool) -> Result<()> {
    let mut matrix = Matrix::load(home)?;
    let workshop = workshop(home, &matrix)?;
    let mut red = Vec::new();
    for name in preset::shipped() {
        let stack = stack(&matrix.catalog, &name)?;
        let proven = stack.proven(matrix.evidence.stacks.get(&name), &workshop.toolchain);
        if let Some(proven) = proven.filter(|_| !again) {
            println!("{name}: already proven on {}", proven.date);
            continue;
        }
        println!("{name}");
        match workshop.check(&stack, WHOLE, EVERYTHING)? {
            Some(proven) => {
                matrix.evidence.stacks.insert(name, proven);
                matrix.evidence.stacks.retain(|name, _| preset::shipped().contains(name));
                matrix.save(home)?;
            }
            None => red.push(name),
        }
    }
    green(&red)
}

/// Which of them `cargo xtask test` and `cargo xtask full` run.
#[derive(Clone, Copy)]
pub(crate) enum Stacks {
    All,
    /// The one whose turn it is at a commit of this number.
    Turn(usize),
}

/// What CI runs in turn; it writes nothing down. One whose turn it is has the kills alone for its long tests, and all that
/// it leaves out. The default
/// project is proven by a test of its own.
pub(crate) fn steps(home: &Path, which: Stacks) -> Result<Vec<Step<'_>>> {
    let matrix = Rc::new(Matrix::load(home)?);
    let mut stacks = Vec::new();
    for name in preset::shipped() {
        let stack = stack(&matrix.catalog, &name)?;
        if stack.choices != matrix.projects[0].choices {
            stacks.push((name, stack));
        }
    }
    let beyond = match which {
        Stacks::All => EVERYTHING,
        Stacks::Turn(number) => {
            let turn = number % stacks.len();
            stacks = vec![stacks.swap_remove(turn)];
            Beyond { long: &[long::KILLS], ignored: true }
        }
    };
    let step = |(name, stack): (String, Combination)| {
        let matrix = Rc::clone(&matrix);
        Step::new(format!("stack {name}"), move || {
            let red = workshop(home, &matrix)?.check(&stack, WHOLE, beyond)?.is_none().then(|| name.clone());
            green(red.as_slice())
        })
    };
    Ok(stacks.into_iter().map(step).collect())
}

/// The tool, and all that stacks run beside.
fn workshop(home: &Path, matrix: &Matrix) -> Result<Workshop> {
    let workshop = Workshop::build(home)?;
    servers::install(&matrix.catalog)?;
    servers::install_pooler()?;
    Ok(workshop)
}

fn stack(catalog: &Catalog, name: &str) -> Result<Combination> {
    let choices = Preset::load(name, catalog)?.choices.completed(catalog);
    let choices =
        choices.ok_or_else(|| Error::failed(format!("no project can have what {name} asks for")))?;
    let tree = evidence::tree(catalog, &choices)?.to_string();
    Ok(Combination { choices, tree, preset: Some(name.to_owned()) })
}

fn green(red: &[String]) -> Result<()> {
    match red {
        [] => Ok(()),
        red => Err(Error::failed(format!("stacks: {} red", red.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_ships_is_a_stack_of_its_own() {
        let catalog = Catalog::embedded().expect("a catalog");
        let trees: Vec<String> =
            preset::shipped().iter().map(|name| stack(&catalog, name).expect(name).tree).collect();
        let mut different = trees.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), trees.len(), "{trees:?}");
    }
}
