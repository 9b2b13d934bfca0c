//! `cargo xtask matrix`: few projects in which every pair of options stands, each poured and checked whole. What was
//! proven is written down, and not proven again while neither the project nor the compiler has changed.

mod project;
mod servers;
pub(crate) mod stacks;
mod table;

use std::{fs, path::Path, rc::Rc, time::Instant};

use formwork::{
    answers::{Choices, covering},
    catalog::Catalog,
    error::{Error, Result},
    evidence::{self, Evidence, Proven},
};

use self::project::{Beyond, LINT, WHOLE, Workshop};
use crate::test::Step;

/// CI runs one of so many whole.
const TURNS: usize = 5;
const TABLE: &str = "docs/evidence.md";

/// Every `of`-th project, from the `number`-th on; counted from 0.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    number: usize,
    of: usize,
}

impl Share {
    pub(crate) const ALL: Self = Self { number: 0, of: 1 };

    /// `2/5`, counted from 1.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(number, of)| {
            let number: usize = number.parse().ok()?;
            Some(Self { number: number.checked_sub(1)?, of: of.parse().ok()? })
        });
        numbers.filter(|share| share.number < share.of).ok_or_else(|| {
            Error::usage(format!("`{text}` is no share")).help("--shard 2/5 is the second of five")
        })
    }

    fn has(self, at: usize) -> bool {
        at % self.of == self.number
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "share {} of {}", self.number + 1, self.of)
    }
}

/// Which of them `cargo xtask test` and `cargo xtask full` run whole.
#[derive(Clone, Copy)]
pub(crate) enum Whole {
    All,
    /// A fifth, beginning with the one whose turn it is at a commit of this number.
    Turn(usize),
}

/// Proves what is in the share and not proven yet, or all of the share `again`; writes down each at once.
pub(crate) fn prove(home: &Path, share: Share, again: bool) -> Result<()> {
    let mut matrix = Matrix::load(home)?;
    let workshop = Workshop::build(home)?;
    servers::install(&matrix.catalog)?;
    let begun = Instant::now();
    let mut red = 0;
    for at in (0..matrix.projects.len()).filter(|at| share.has(*at)) {
        if let Some(proven) = matrix.proven(at, &workshop.toolchain).filter(|_| !again) {
            println!("{}: already proven on {}", matrix.title(at), proven.date);
            continue;
        }
        match matrix.check(at, &workshop, WHOLE)? {
            Some(proven) => matrix.record(home, at, proven)?,
            None => red += 1,
        }
    }
    println!("\n{share} in {:.0} s", begun.elapsed().as_secs_f64());
    green(red)
}

/// What CI always runs: format and lints of those that are not proven as they are. The default project is proven by a
/// test of its own.
pub(crate) fn lint(home: &Path) -> Result<()> {
    let matrix = Matrix::load(home)?;
    let workshop = Workshop::build(home)?;
    let mut red = 0;
    for at in 1..matrix.projects.len() {
        match matrix.proven(at, &workshop.toolchain) {
            Some(proven) => println!("{}: already proven on {}", matrix.title(at), proven.date),
            None => red += usize::from(matrix.check(at, &workshop, LINT)?.is_none()),
        }
    }
    green(red)
}

/// What CI runs in turn: projects whole. Those that are not proven as they are come before others.
pub(crate) fn steps(home: &Path, which: Whole) -> Result<Vec<Step<'_>>> {
    let matrix = Rc::new(Matrix::load(home)?);
    let toolchain = project::toolchain(home)?;
    // The default project is proven by a test of its own.
    let projects = (1..matrix.projects.len()).collect();
    let projects = match which {
        Whole::All => projects,
        Whole::Turn(number) => in_turn(projects, number, |at| matrix.proven(at, &toolchain).is_some()),
    };
    let step = |at: usize| {
        let matrix = Rc::clone(&matrix);
        Step::new(format!("project {}", at + 1), move || {
            let workshop = Workshop::build(home)?;
            servers::install(&matrix.catalog)?;
            green(usize::from(matrix.check(at, &workshop, WHOLE)?.is_none()))
        })
    };
    Ok(projects.into_iter().map(step).collect())
}

/// A fifth of the projects, from the one on whose turn it is: what has changed first.
fn in_turn(mut projects: Vec<usize>, number: usize, is_proven: impl Fn(usize) -> bool) -> Vec<usize> {
    let count = projects.len();
    projects.rotate_left(number % count);
    projects.sort_by_key(|at| is_proven(*at));
    projects.truncate(count.div_ceil(TURNS));
    projects
}

fn green(red: usize) -> Result<()> {
    if red == 0 { Ok(()) } else { Err(Error::failed(format!("{red} projects of the matrix are red"))) }
}

/// Writes the table of what is proven anew.
pub(crate) fn write_table(home: &Path) -> Result<()> {
    let matrix = Matrix::load(home)?;
    matrix.write_table(home)
}

/// A project of the matrix.
struct Combination {
    choices: Choices,
    tree: String,
    /// The shipped preset that it is poured by, where it is not poured by its answers.
    preset: Option<String>,
}

impl Combination {
    /// Whether what was last proven is this very project, by this compiler.
    fn proven<'a>(&self, last: Option<&'a Proven>, toolchain: &str) -> Option<&'a Proven> {
        last.filter(|proven| proven.tree == self.tree && proven.toolchain == toolchain)
    }
}

struct Matrix {
    catalog: Catalog,
    projects: Vec<Combination>,
    evidence: Evidence,
}

impl Matrix {
    fn load(home: &Path) -> Result<Self> {
        let source = formwork::catalog::Source::folder(&home.join("templates"))?;
        let catalog = Catalog::load(source)?;
        let evidence = Evidence::of(&catalog)?;
        let project = |choices: Choices| {
            let tree = evidence::tree(&catalog, &choices)?.to_string();
            Ok(Combination { choices, tree, preset: None })
        };
        let few = covering(&catalog, &Choices::default());
        let projects = few.into_iter().map(project).collect::<Result<_>>()?;
        Ok(Self { catalog, projects, evidence })
    }

    fn choices(&self) -> Vec<Choices> {
        self.projects.iter().map(|project| project.choices.clone()).collect()
    }

    fn title(&self, at: usize) -> String {
        let choices = named_as(&self.projects[at].choices);
        format!("{:2} of {}  {choices}", at + 1, self.projects.len())
    }

    fn proven(&self, at: usize, toolchain: &str) -> Option<&Proven> {
        let project = &self.projects[at];
        project.proven(self.evidence.get(&project.choices), toolchain)
    }

    fn check(&self, at: usize, workshop: &Workshop, steps: &str) -> Result<Option<Proven>> {
        println!("{}", self.title(at));
        workshop.check(&self.projects[at], steps, Beyond::default())
    }

    /// At once: who interrupts the rest loses nothing of it. Combinations that are no longer in the matrix go.
    fn record(&mut self, home: &Path, at: usize, proven: Proven) -> Result<()> {
        let choices = self.choices();
        self.evidence.proven.retain(|old| !old.is_of(&choices[at]));
        self.evidence.proven.push(proven);
        let place = |proven: &Proven| choices.iter().position(|choices| proven.is_of(choices));
        self.evidence.proven.retain(|proven| place(proven).is_some());
        self.evidence.proven.sort_by_key(|proven| place(proven));
        self.save(home)
    }

    fn save(&self, home: &Path) -> Result<()> {
        let file = format!("templates/{}", evidence::FILE);
        self.write(home, &file, &evidence::text(&self.evidence)?)?;
        self.write_table(home)
    }

    fn write_table(&self, home: &Path) -> Result<()> {
        self.write(home, TABLE, &self.table())
    }

    fn table(&self) -> String {
        table::render(&self.catalog, &self.choices(), &self.evidence)
    }

    fn write(&self, home: &Path, file: &str, text: &str) -> Result<()> {
        let path = home.join(file);
        fs::write(&path, text).map_err(|error| Error::failed("cannot write").at(path, None).cause(error))
    }
}

fn named_as(choices: &Choices) -> String {
    choices.iter().map(|(slot, option)| format!("{slot}={option}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    #[test]
    fn what_has_changed_comes_before_what_is_proven() {
        let turn =
            |number, changed: &[usize]| in_turn((1..17).collect(), number, |at| !changed.contains(&at));
        assert_eq!(turn(3, &[]), [4, 5, 6, 7]);
        assert_eq!(turn(14, &[]), [15, 16, 1, 2]);
        assert_eq!(turn(3, &[2, 9]), [9, 2, 4, 5]);
        assert_eq!(turn(3, &[1, 2, 3, 4, 5, 6]), [4, 5, 6, 1]);
    }

    #[test]
    fn every_project_has_its_turn() {
        for at in 1..17 {
            let turns = (32..48).filter(|number| in_turn((1..17).collect(), *number, |_| true).contains(&at));
            assert_eq!(turns.count(), 4);
        }
    }

    #[test]
    fn another_tree_and_another_compiler_are_not_proven() {
        let mut matrix = Matrix::load(home()).expect("a matrix");
        let proven = matrix.evidence.get(&matrix.projects[0].choices).expect("a proof").clone();
        matrix.projects[0].tree = proven.tree.clone();
        assert!(matrix.proven(0, &proven.toolchain).is_some());
        assert!(matrix.proven(0, "0.0.0").is_none());
        matrix.projects[0].tree = "sha256:0".to_owned();
        assert!(matrix.proven(0, &proven.toolchain).is_none());
    }

    #[test]
    fn the_table_is_what_the_evidence_says() {
        let there = fs::read_to_string(home().join(TABLE)).expect("a table");
        assert!(there == Matrix::load(home()).expect("a matrix").table(), "cargo xtask matrix --table");
    }

    #[test]
    fn shares_are_counted_from_one() {
        let share = Share::parse("2/5").expect("a share");
        assert_eq!((share.number, share.of, share.to_string()), (1, 5, "share 2 of 5".to_owned()));
        for text in ["0/5", "6/5", "2", "/", "a/5", "1/0"] {
            assert!(Share::parse(text).is_err(), "{text}");
        }
    }
}
