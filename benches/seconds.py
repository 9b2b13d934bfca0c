#!/usr/bin/env python3
"""Measures `templates/build-seconds.toml` and prints it.

`seconds.py [SLOT/OPTION ...]`: only these options, beside the recommended ones; without arguments, all. All checks are
whole but for boot and probe, which take about the same time with all options.

The first check of the recommended project is cold. Then every other option is checked where the crates that it shares with
that project are compiled already, so the difference is its own code and the crates that it alone brings. Crates that only
the recommended option brings are compiled once more.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
FORMWORK = HOUSE / "target/release/formwork"


def run(*command, folder=HOUSE):
    """How many seconds it took."""
    begun = time.monotonic()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-4000:]}")
    return time.monotonic() - begun


def say(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))


class Project:
    def __init__(self, folder, choice=None):
        self.folder = folder
        settings = ["--set", choice.replace("/", "=")] if choice else []
        run(FORMWORK, "new", folder, "--yes", "--no-check", "--no-git", "--standalone", *settings)

    def answers(self):
        """The parts that it is made of."""
        state = tomllib.loads((self.folder / "formwork.toml").read_text())
        return {f"{slot}/{option}" for slot, option in state["answers"].items()}

    def crates(self):
        lock = tomllib.loads((self.folder / "Cargo.lock").read_text())
        return {f"{crate['name']}@{crate['version']}" for crate in lock["package"] if "source" in crate}

    def check(self, steps="fmt,clippy,build,test"):
        return run(FORMWORK, "check", self.folder, "--steps", steps)

    def compile_again(self, crates):
        """What these cost where all others are there, beyond what it costs to build the project itself."""
        if not crates:
            return 0.0
        run("cargo", "build", "--locked", folder=self.folder)
        run("cargo", "clean", *[flag for crate in sorted(crates) for flag in ("-p", crate)], folder=self.folder)
        with_them = run("cargo", "build", "--locked", folder=self.folder)
        os.utime(self.folder / "src/lib.rs")
        return max(0.0, with_them - run("cargo", "build", "--locked", folder=self.folder))


def slots():
    """By name: the recommended option, and the others."""
    catalog = json.loads(subprocess.check_output([FORMWORK, "options", "--json"]))
    return {slot["name"]: (f"{slot['name']}/{slot['default']}",
                           [f"{slot['name']}/{option['name']}" for option in slot["options"]
                            if option["name"] != slot["default"]])
            for slot in catalog["slots"]}


def measure(work, wanted):
    """Seconds of a cold check, of boot and probe, and of a later check; and what sets of options add to the last."""
    recommended = Project(work / "recommended")
    run("cargo", "fetch", "--locked", folder=recommended.folder)
    cold = recommended.check()
    probe = recommended.check("boot,probe")
    later = Project(work / "again").check()
    say(f"cold check: {cold:.1f}; boot and probe: {probe:.1f}; a later check: {later:.1f}")
    added = {}
    for option in wanted:
        project = Project(work / option.replace("/", "-"), option)
        changed = frozenset(project.answers() - recommended.answers())
        if changed not in added:
            lost = recommended.compile_again(recommended.crates() - project.crates())
            added[changed] = project.check() - later - lost
            say(f"{', '.join(sorted(changed))}: {added[changed]:+.1f}")
    return cold, probe, later, added


def options(slots, added):
    """What each option adds to the least of its slot. Where others must follow an option, they are taken off first."""
    values = {recommended: 0.0 for recommended, others in slots.values() if others}
    slot_of = {option: slot for slot, (recommended, others) in slots.items() for option in (recommended, *others)}

    def beyond(option):
        return values.setdefault(option, 0.0) - values[slots[slot_of[option]][0]]

    def lift(slot):
        own = [option for option in values if slot_of[option] == slot]
        least = min(values[option] for option in own)
        values.update({option: values[option] - least for option in own})

    for changed, seconds in sorted(added.items(), key=lambda item: len(item[0])):
        # In the order of the questions, the first is what was chosen.
        chosen, *following = sorted(changed, key=lambda option: list(slots).index(slot_of[option]))
        values[chosen] = values[slots[slot_of[chosen]][0]] + seconds - sum(map(beyond, following))
        lift(slot_of[chosen])
    return {option: values[option] for option in slot_of if option in values}


def main():
    run("cargo", "build", "--release", "--quiet")
    catalog = slots()
    every = [option for _, others in catalog.values() for option in others]
    unknown = set(sys.argv[1:]) - set(every)
    if unknown:
        sys.exit(f"no such option, or a recommended one: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as work:
        os.environ["XDG_CACHE_HOME"] = f"{work}/cache"
        cold, probe, later, added = measure(Path(work), sys.argv[1:] or every)
    values = options(catalog, added)
    of_recommended = sum(values.get(recommended, 0.0) for recommended, _ in catalog.values())
    print("# Measured by benches/seconds.py, which says how.")
    print(f'machine = "{os.cpu_count()} cores of a {processor()}"\ncores = {os.cpu_count()}')
    print(f"later = {later + probe:.1f}\n\n[seconds]\nbase = {cold + probe - of_recommended:.1f}")
    for option, seconds in values.items():
        print(f'"{option}" = {seconds:.1f}')


main()
