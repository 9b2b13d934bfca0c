#!/usr/bin/env python3
"""Measures `templates/build-seconds.toml` and prints it.

`seconds.py [SLOT/OPTION ...]`: only these options, beside the recommended ones; without arguments, all. All checks are
whole but for boot and probe, which take about the same time with all options.

The first check of the recommended project is cold. Then every other option is checked where the crates that it shares with
that project are compiled already, so the difference is its own code and the crates that it alone brings. Crates that only
the recommended option brings are compiled once more. An option that cannot be had without another one is measured beside a
second one in its place too: so the two are told apart. Servers that an option needs are started by the check, as for
everybody, and their start counts.
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


def pour(folder, choices):
    settings = [flag for choice in choices for flag in ("--set", choice.replace("/", "="))]
    return FORMWORK, "new", folder, "--yes", "--no-check", "--no-git", "--standalone", *settings


def is_allowed(choices):
    """Whether there is a project with all of them."""
    with tempfile.TemporaryDirectory() as work:
        return subprocess.run(pour(f"{work}/project", choices), capture_output=True).returncode == 0


class Project:
    def __init__(self, folder, *choices):
        self.folder = folder
        run(*pour(folder, choices))

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


def apart(option, changed, slots):
    """The option with another one in the place of each that came along with it, as pairs of names."""
    for companion in sorted(changed - {option}):
        recommended, others = slots[companion.split("/")[0]]
        instead = (other for other in (recommended, *others) if other != companion)
        found = next((other for other in instead if is_allowed((option, other))), None)
        if found:
            yield option, found


def measure(work, wanted, slots):
    """Seconds of a cold check, of boot and probe, and of a later check; and what sets of options add to the last."""
    recommended = Project(work / "recommended")
    run("cargo", "fetch", "--locked", folder=recommended.folder)
    cold = recommended.check()
    probe = recommended.check("boot,probe")
    later = Project(work / "again").check()
    say(f"cold check: {cold:.1f}; boot and probe: {probe:.1f}; a later check: {later:.1f}")
    added = {}
    waiting = [(option,) for option in wanted]
    while waiting:
        choices = waiting.pop(0)
        project = Project(work / "-".join(choices).replace("/", "-"), *choices)
        changed = frozenset(project.answers() - recommended.answers())
        if len(choices) == 1 and len(changed) > 1:
            pairs = list(apart(choices[0], changed, slots))
            # What came in its place is known by itself.
            alone = [(other,) for _, other in pairs if other not in wanted and other != slots[other.split("/")[0]][0]]
            waiting += [one for one in alone + pairs if one not in waiting]
        if changed in added:
            continue
        lost = recommended.compile_again(recommended.crates() - project.crates())
        added[changed] = project.check() - later - lost
        say(f"{', '.join(sorted(changed))}: {added[changed]:+.1f}")
    return cold, probe, later, added


def options(slots, added):
    """What each option adds to the least of its slot. What is known of a set's other options is taken off first."""
    values = {recommended: 0.0 for recommended, others in slots.values() if others}
    slot_of = {option: slot for slot, (recommended, others) in slots.items() for option in (recommended, *others)}

    def beyond(option):
        return values.setdefault(option, 0.0) - values[slots[slot_of[option]][0]]

    def lift(slot):
        own = [option for option in values if slot_of[option] == slot]
        least = min(values[option] for option in own)
        values.update({option: values[option] - least for option in own})

    def unknown(changed):
        return [option for option in changed if option not in values]

    left = dict(added)
    while left:
        # Those in which one option alone is unknown say what it costs; of others the first question was what was chosen.
        changed = min(left, key=lambda changed: (len(unknown(changed)) != 1, len(changed)))
        seconds = left.pop(changed)
        if not unknown(changed):
            continue
        chosen = min(unknown(changed), key=lambda option: list(slots).index(slot_of[option]))
        others = sum(beyond(option) for option in changed if option != chosen)
        values[chosen] = values[slots[slot_of[chosen]][0]] + seconds - others
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
        cold, probe, later, added = measure(Path(work), sys.argv[1:] or every, catalog)
    values = options(catalog, added)
    of_recommended = sum(values.get(recommended, 0.0) for recommended, _ in catalog.values())
    print("# Measured by benches/seconds.py, which says how.")
    print(f'machine = "{os.cpu_count()} cores of a {processor()}"\ncores = {os.cpu_count()}')
    print(f"later = {later + probe:.1f}\n\n[seconds]\nbase = {cold + probe - of_recommended:.1f}")
    for option, seconds in values.items():
        print(f'"{option}" = {seconds:.1f}')


main()
