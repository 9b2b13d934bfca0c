#!/usr/bin/env python3
"""What it costs to prove many combinations one after the other, against as many cold checks: `proving.py [COLD]`.

They are the projects of `cargo xtask matrix`, in which every pair of options stands. It proves them one after the other, from
no compiled crate on (which empties `target/matrix`), and writes down what it proved. COLD (3) of those after the first, evenly
spread, are then poured and checked whole each for itself, where nothing is kept; what these take longer stands for all. What is
proven already costs neither; that is not measured here.
"""

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from house import HOUSE, TARGET, run

FORMWORK = TARGET / "debug/formwork"
AFTER = "servers"


def proven():
    """Of each project of the matrix: its answers, as SLOT=OPTION, and how many seconds the check of it took."""
    lines = (HOUSE / "docs/evidence.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    head = rows[0]
    slots = head[:head.index(AFTER)]
    # Below it stands the line that makes it a table, and after the combinations other tables may come.
    rows = [dict(zip(head, row)) for row in rows[2:] if len(row) == len(head)]
    return [([f"{slot}={row[slot]}" for slot in slots], float(row["seconds"])) for row in rows]


def cold(answers):
    """Seconds from the first file to the last promise."""
    settings = [flag for answer in answers for flag in ("--set", answer)]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "project"
        run(FORMWORK, "new", folder, "--yes", "--no-check", "--no-git", "--standalone", *settings)
        return run(FORMWORK, "check", folder, XDG_CACHE_HOME=f"{work}/cache")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    # What the network and the compiler of formwork itself take is nobody's cost here.
    run("cargo", "fetch", "--locked", folder=HOUSE / "dependencies")
    run("cargo", "build", "--locked", "--package", "formwork")
    shutil.rmtree(TARGET / "matrix", ignore_errors=True)
    run("cargo", "xtask", "matrix", "--again")
    every = proven()
    together = sum(seconds for _, seconds in every)
    print(f"{len(every)} one after the other: {together:.0f} s", flush=True)
    later, longer = every[1:], []
    for answers, warm in (later[at * len(later) // count] for at in range(count)):
        longer.append(cold(answers) - warm)
        print(f"{' '.join(answers)}: {warm:.0f} s, cold {longer[-1]:.0f} s longer", flush=True)
    apart = together + len(later) * statistics.mean(longer)
    print(f"{together:.0f} s ÷ {apart:.0f} s = {together / apart:.2f}")


main()
