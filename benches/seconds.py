#!/usr/bin/env python3
"""Measures `templates/build-seconds.toml` and prints it: `seconds.py [RUNS] [SLOT/OPTION ...]`.

The recommended project is checked cold, then another one whose crates are compiled already, RUNS times (1); medians count. Of
an option it is measured what its crates have of a build: those that not all options of its slot bring, beside the same answers
to all other questions, as few crates as possible among them. A check compiles a crate once, for the lints, so all crates of
such a project are built from nothing, RUNS times; cargo tells how long each took, and of the whole an option has the share that
its crates have of the sum. That is what they cost, not what leaving them out saves: where a processor would have been idle
that is less. Features that an option asks of other options' crates do not count, nor do the option's own code and its tests:
sources are an empty library here. An option that needs other answers than all others of its slot, as `llm=none` does, is compared
with the leanest projects of these.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from house import TARGET, run

FORMWORK = TARGET / "release/formwork"


def say(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))


def pour(folder, answers):
    settings = [flag for slot, option in answers.items() for flag in ("--set", f"{slot}={option}")]
    command = FORMWORK, "new", folder, "--yes", "--no-check", "--no-git", "--standalone", *settings
    return subprocess.run(command, capture_output=True).returncode == 0


class Slots:
    """What can be answered, and what a project then has."""

    def __init__(self, work):
        self.work = work
        catalog = json.loads(subprocess.check_output([FORMWORK, "options", "--json"]))
        self.options = {slot["name"]: [option["name"] for option in slot["options"]] for slot in catalog["slots"]}
        self.recommended = [f"{slot['name']}/{slot['default']}" for slot in catalog["slots"]]
        self.known = {}

    def crates(self, answers):
        """None where the rules do not allow such a project."""
        key = tuple(sorted(answers.items()))
        if key not in self.known:
            folder = self.work / f"poured{len(self.known)}"
            self.known[key] = crates_of(folder) if pour(folder, answers) else None
            shutil.rmtree(folder, ignore_errors=True)
        return self.known[key]

    def leanest(self, slot, option):
        """Answers to the other questions that bring as few crates as the rules allow beside the option."""
        others = {}
        for other in (name for name in self.options if name != slot):
            allowed = [{**others, other: one} for one in self.options[other]]
            allowed = [one for one in allowed if self.crates({slot: option, **one}) is not None]
            others = min(allowed, key=lambda one: len(self.crates({slot: option, **one})))
        return others

    def beside(self, slot, option):
        """Answers to the other questions beside which most options of the slot can stand, and these options."""
        def standing(others):
            return [one for one in self.options[slot] if self.crates({slot: one, **others}) is not None]
        every = [self.leanest(slot, one) for one in [option, *self.options[slot]]]
        others = max((one for one in every if option in standing(one)), key=lambda one: len(standing(one)))
        return others, standing(others)

    def own(self, slot, option):
        """The answers of a project with the option, and which of its crates not all options of the slot bring."""
        others, options = self.beside(slot, option)
        answers = {slot: option, **others}
        projects = [{slot: one, **others} for one in options]
        if projects == [answers]:
            projects = [{slot: one, **self.leanest(slot, one)} for one in self.options[slot]]
        shared = set.intersection(*map(self.crates, projects))
        return answers, self.crates(answers) - shared


def crates_of(folder):
    """Those that are compiled. A lock file has more: it does not know which features and systems are asked for."""
    run("cargo", "fetch", "--locked", folder=folder)
    tree = "cargo", "tree", "--locked", "--offline", "--edges", "normal,build,dev", "--prefix", "none"
    lines = subprocess.check_output(tree, cwd=folder, text=True).splitlines()
    # The project itself is the one that has a path.
    return {"@".join(line.replace(" v", " ", 1).split()[:2]) for line in lines if line and "(/" not in line}


def empty(folder, answers, poured):
    """In `folder` a project with these answers, and without a line of its own."""
    if not pour(poured, answers):
        sys.exit(f"no such project: {answers}")
    for name in ("Cargo.toml", "Cargo.lock", "rust-toolchain.toml"):
        shutil.copy(poured / name, folder / name)
    shutil.rmtree(poured)
    (folder / "src").mkdir(exist_ok=True)
    (folder / "tests/it").mkdir(parents=True, exist_ok=True)
    for name in ("src/lib.rs", "tests/it/main.rs"):
        (folder / name).write_text("")
    (folder / "src/main.rs").write_text("fn main() {}\n")


def cost(folder, crates):
    """What these have of the time that it takes to compile all."""
    shutil.rmtree(folder / "target", ignore_errors=True)
    seconds = run("cargo", "build", "--all-targets", "--locked", "--offline", "--timings", folder=folder)
    page = (folder / "target/cargo-timings/cargo-timing.html").read_text()
    units = json.loads(re.search(r"UNIT_DATA = (\[.*?\n\]);", page, re.DOTALL)[1])
    own = sum(unit["duration"] for unit in units if f"{unit['name']}@{unit['version']}" in crates)
    return seconds * own / sum(unit["duration"] for unit in units)


def measure(work, slots, wanted, runs):
    """By option: seconds, and how many crates."""
    folder = work / "empty"
    folder.mkdir()
    for slot, option in wanted:
        answers, crates = slots.own(slot, option)
        seconds = 0.0
        if crates:
            empty(folder, answers, work / "poured")
            seconds = statistics.median(cost(folder, crates) for _ in range(runs))
        say(f"{slot}/{option}: {seconds:.1f} s, {len(crates)} crates: {' '.join(sorted(crates))}")
        yield f"{slot}/{option}", (seconds, len(crates))


def check(folder, cache):
    """Seconds of a check of the recommended project."""
    if not pour(folder, {}):
        sys.exit("the recommended project cannot be poured")
    run("cargo", "fetch", "--locked", folder=folder)
    seconds = run(FORMWORK, "check", folder, XDG_CACHE_HOME=str(cache))
    shutil.rmtree(folder)
    return seconds


def checks(work, runs):
    """Of the recommended project: a cold check, and one with its crates compiled already."""
    cold, later = [], []
    for number in range(runs):
        cache = work / f"cache{number}"
        for figures in (cold, later):
            figures.append(check(work / "project", cache))
        shutil.rmtree(cache)
        say(f"cold check: {cold[-1]:.1f}; a later check: {later[-1]:.1f}")
    return statistics.median(cold), statistics.median(later)


def main():
    runs, *named = sys.argv[1:] or ["1"]
    run("cargo", "build", "--release", "--quiet")
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        slots = Slots(work)
        every = [(slot, option) for slot, options in slots.options.items() if len(options) > 1 for option in options]
        wanted = [tuple(name.split("/")) for name in named] or every
        if unknown := set(wanted) - set(every):
            sys.exit(f"no such option: {unknown}")
        costs = dict(measure(work, slots, wanted, int(runs)))
        cold, later = checks(work, int(runs)) if not named else (None, None)
    print("# Measured by benches/seconds.py, which says how.")
    print(f'machine = "{os.cpu_count()} cores, {processor()}"\ncores = {os.cpu_count()}')
    if not named:
        print(f"later = {later:.1f}")
    print("\n[seconds]")
    if not named:
        print(f"base = {cold - sum(costs[option][0] for option in slots.recommended if option in costs):.1f}")
    for option, (seconds, _) in costs.items():
        print(f'"{option}" = {seconds:.1f}')
    print("\n[crates]")
    for option, (_, crates) in costs.items():
        print(f'"{option}" = {crates}')


main()
