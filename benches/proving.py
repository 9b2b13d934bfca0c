#!/usr/bin/env python3
"""What it costs to prove many projects one after the other, against as many cold checks: `proving.py [PROJECTS]`.

They are the projects of `cargo xtask matrix`, in which every pair of options stands. PROJECTS (3) of them, evenly spread, are poured
and checked whole twice: with nothing compiled, and with the registry's crates from the first time, as each has them in the
matrix that comes after others. One after the other, all of them compile the crates once. What is proven already costs neither;
that is not measured here.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from house import HOUSE, TARGET, run

FORMWORK = TARGET / "debug/formwork"
AFTER = "servers"


def projects():
    """The answers of each project of the matrix, as SLOT=OPTION."""
    lines = (HOUSE / "docs/evidence.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    head = rows[0]
    slots = head[:head.index(AFTER)]
    # Below it stands the line that makes it a table, and after the projects other tables may come.
    return [[f"{slot}={cell}" for slot, cell in zip(slots, row)] for row in rows[2:] if len(row) == len(head)]


def check(answers, work, name):
    """Seconds from the first file to the last promise."""
    settings = [flag for answer in answers for flag in ("--set", answer)]
    with tempfile.TemporaryDirectory(dir=work) as folder:
        project = Path(folder) / name
        run(FORMWORK, "new", project, "--yes", "--no-check", "--no-git", "--standalone", *settings)
        return run(FORMWORK, "check", project, XDG_CACHE_HOME=f"{work}/cache")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    # What the network and the compiler of formwork itself take is nobody's cost here.
    run("cargo", "fetch", "--locked", folder=HOUSE / "dependencies")
    run("cargo", "build", "--locked", "--package", "formwork")
    every = projects()
    colds, warms = [], []
    for answers in (every[at * len(every) // count] for at in range(count)):
        with tempfile.TemporaryDirectory() as work:
            colds.append(check(answers, work, "first"))
            warms.append(check(answers, work, "second"))
        print(f"{' '.join(answers)}: cold {colds[-1]:.0f} s, with its crates {warms[-1]:.0f} s", flush=True)
    cold, warm = statistics.mean(colds), statistics.mean(warms)
    together, apart = cold + (len(every) - 1) * warm, len(every) * cold
    print(f"{len(every)} one after the other: {together:.0f} s ÷ {apart:.0f} s = {together / apart:.2f}")


main()
