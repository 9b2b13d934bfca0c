//! `cargo xtask fuzz`: presets and answers that are almost right, read until the time is up.
//!
//! An input is one of the seeds, cut, joined and changed in bytes, lines and tokens. Whatever it says, reading it must
//! end in time and without a panic; and what is accepted must keep its locks and render nothing but safe paths.

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use formwork::{
    answers::{Answers, Choices, Draft, ProjectName},
    catalog::{Catalog, Hold, Plan},
    error::{Error, Result},
    preset::Preset,
    render::{self, unsafe_because},
};

/// No input has a reason to take longer, also in a debug build on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);

/// Reads and renders for `seconds`; `seed` repeats a run.
pub(crate) fn run(home: &Path, seconds: &str, seed: Option<&str>) -> Result<()> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| Error::usage("not a number").cause(error));
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64);
    let seed = seed.map_or_else(|| Ok(clock()), number)?;
    let until = Instant::now() + Duration::from_secs(number(seconds)?);
    println!("seed {seed}: cargo xtask fuzz {seconds} {seed} repeats it");
    let fuzzer = Fuzzer::new(home)?;
    let mut random = Random(seed | 1);
    let (mut tried, mut accepted) = (0_u64, 0_u64);
    while Instant::now() < until {
        let input = fuzzer.input(&mut random);
        accepted += u64::from(fuzzer.try_one(&input)?);
        tried += 1;
    }
    println!("{tried} inputs, {accepted} of them accepted and rendered; no finding");
    Ok(())
}

struct Fuzzer {
    catalog: Catalog,
    seeds: Vec<String>,
    /// So many of them, the first, are accepted.
    right: usize,
    folder: tempfile::TempDir,
}

impl Fuzzer {
    fn new(home: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()
            .map_err(|error| Error::failed("cannot make a temporary folder").cause(error))?;
        let mut seeds = vec![SEED.to_owned()];
        let mut right = 0;
        for file in ["presets/embedded.toml", "tests/preset/hostile.toml", "docs/presets.md"] {
            let text =
                fs::read_to_string(home.join(file)).map_err(|error| cannot(&home.join(file), error))?;
            if file.starts_with("tests/") {
                right = seeds.len();
            }
            seeds.extend(cases(&text));
        }
        for (path, text) in
            [("overlay/N.jinja", "{{ vars.team }} {{ answers.cache }}\n"), ("parts/acme/part.toml", PART)]
        {
            let file = folder.path().join(path);
            let written =
                file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, text));
            written.map_err(|error| cannot(&file, error))?;
        }
        Ok(Self { catalog: Catalog::embedded()?, seeds, right, folder })
    }

    fn input(&self, random: &mut Random) -> String {
        // What is right to begin with is read to its end more often than what is refused as it stands.
        let seeds = if random.below(2) == 0 { &self.seeds[..] } else { &self.seeds[..self.right] };
        let mut input = random.pick(seeds).clone().into_bytes();
        for _ in 0..=random.below(3) {
            self.change(random, &mut input);
        }
        String::from_utf8_lossy(&input).into_owned()
    }

    fn change(&self, random: &mut Random, input: &mut Vec<u8>) {
        let (from, to) = (random.below(input.len() + 1), random.below(input.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        match random.below(8) {
            0 => drop(input.splice(from..to.min(from + 20), random.pick(TOKENS).bytes())),
            1 => drop(input.splice(from..from, random.pick(TOKENS).bytes())),
            2 => drop(input.drain(from..to.min(from + 40))),
            3 => {
                let piece = input[from..to].to_vec();
                input.extend(piece);
            }
            4 => {
                if let Some(byte) = input.get_mut(from) {
                    *byte ^= 1 << random.below(8);
                }
            }
            5 => {
                let other = random.pick(&self.seeds).as_bytes();
                let cut = random.below(other.len() + 1);
                input.truncate(to);
                input.extend(&other[cut..]);
            }
            6 => {
                let line = input[..from].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                drop(input.splice(line..line, random.pick(TOKENS).bytes()));
            }
            _ => {
                let mut lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
                let (one, other) = (random.below(lines.len()), random.below(lines.len()));
                lines.swap(one, other);
                *input = lines.join(&b'\n');
            }
        }
    }

    /// Whether the input was accepted; an error is a finding.
    fn try_one(&self, input: &str) -> Result<bool> {
        let file = self.folder.path().join("ours.toml");
        fs::write(&file, input).map_err(|error| cannot(&file, error))?;
        let begun = Instant::now();
        let read = panic::catch_unwind(AssertUnwindSafe(|| self.read(&file, input)));
        let found = |what: &str| Err(Error::failed(format!("{what}:\n{input}")));
        match read {
            Err(_) => found("a panic"),
            Ok(Err(error)) if error.message.starts_with("FINDING") => found(&error.message),
            Ok(_) if begun.elapsed() > LONGEST => found(&format!("it took {:?}", begun.elapsed())),
            Ok(read) => Ok(read.is_ok()),
        }
    }

    fn read(&self, file: &Path, input: &str) -> Result<()> {
        answers(&self.catalog, input);
        let preset = Preset::load(&file.to_string_lossy(), &self.catalog)?;
        let finding = |what: &str| Err(Error::failed(format!("FINDING: {what}")));
        let Some(choices) = preset.choices.completed(&preset.catalog) else {
            return finding("it is accepted and makes no project");
        };
        for limit in &preset.limits {
            let chosen = choices.get(&limit.slot).unwrap_or_default();
            if !limit.allowed.iter().any(|allowed| allowed == chosen) {
                return finding("a limit does not hold");
            }
            let Hold::Locked(_) = limit.hold else { continue };
            let barred = self.catalog.slot(&limit.slot)?.option_names().filter(|option| *option != chosen);
            for option in barred {
                if choices.clone().set(&preset.catalog, &limit.slot, option).is_ok() {
                    return finding("a lock does not hold");
                }
            }
        }
        let vars = preset.catalog.questions().iter().filter_map(|question| {
            let value = question.default.clone().or_else(|| question.example.clone())?;
            Some((question.name.clone(), value))
        });
        let vars = vars.chain(preset.vars()).collect();
        let answers = Answers::new(&preset.catalog, ProjectName::new("orders")?, &choices)?;
        let answers = answers.with_vars(&preset.catalog, vars)?;
        let rendered = render::render(&Plan::new(&preset.catalog, &answers)?)?;
        match rendered.tree.iter().find(|(path, _)| unsafe_because(path).is_some()) {
            Some((path, _)) => finding(&format!("an unsafe path: {path:?}")),
            None => Ok(()),
        }
    }
}

/// As `--set`, `--var` and a name would give them.
fn answers(catalog: &Catalog, input: &str) {
    let mut choices = Choices::default();
    let mut draft = Draft::default();
    for line in input.lines().take(20) {
        // What is refused is fine; only a panic is not.
        let _ = choices.set_pair(catalog, line);
        let _ = draft.set_var(catalog, line);
        let _ = ProjectName::new(line);
    }
}

/// The presets of a text: what stands between fences, the presets of the hostile cases, or the text itself.
fn cases(text: &str) -> Vec<String> {
    let fenced = text.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let mut cases: Vec<String> = fenced.map(|(case, _)| case.to_owned()).collect();
    let hostile = text.lines().filter_map(|line| line.strip_prefix("preset = "));
    cases.extend(hostile.filter_map(|case| {
        let table: toml::Table = format!("preset = {case}").parse().ok()?;
        Some(table["preset"].as_str()?.to_owned())
    }));
    if cases.is_empty() {
        cases.push(text.to_owned());
    }
    // A preset of another place is not asked for, a thousand times a minute.
    cases.retain(|case| !case.contains("git+"));
    cases
}

fn cannot(file: &Path, error: std::io::Error) -> Error {
    Error::failed("cannot read or write").at(file, None).cause(error)
}

const PART: &str =
    "title = \"A\"\nsummary = \"S\"\ntradeoff = \"T\"\n[[files]]\ndir = \"files\"\nwhen = \"cache=none\"\n";

const SEED: &str = "\
schema = 1
extends = \"embedded\"
description = \"Ours\"
[answers]
cache = \"none\"
[lock]
cache = \"memory is dear\"
storage = \"run by the platform team\"
[allow]
llm = [\"anthropic\", \"openai\"]
[vars.team]
ask = \"Which team owns it?\"
pattern = \"[a-z]+(-[a-z]+)*\"
hint = \"lower case\"
default = \"platform\"
example = \"pay\"
[overlay]
dir = \"overlay\"
";

const TOKENS: &[&str] = &[
    "schema = 1\n",
    "extends = \"./ours.toml\"\n",
    "extends = \"../\"\n",
    "[answers]\n",
    "[lock]\n",
    "[allow]\n",
    "[vars.team]\n",
    "[values]\n",
    "[overlay]\n",
    "[parts]\ndir = \"parts\"\n",
    "dir = \"..\"\n",
    "cache = \"none\"\n",
    "cache = \"memory\"\n",
    "llm = \"none\"\n",
    "uses = \"none\"\n",
    "vector = \"none\"\n",
    "answer_cache = \"none\"\n",
    "team = \"pay\"\n",
    "pattern = \"(a+)+$\"\n",
    "pattern = \"(a{99}){99}\"\n",
    "=",
    "\"",
    "\"\"\"",
    "[",
    "]",
    "{",
    "}",
    ".",
    "\\u0000",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "ß",
    "\r\n",
    "\n",
    "#",
    "[[",
    "]]",
    "1e999",
    "-0",
    "null",
    "'",
    "=[]",
];

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than `bound`, which is not zero.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
