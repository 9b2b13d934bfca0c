#!/usr/bin/env python3
"""What it costs to prove many combinations one after the other, against as many cold checks: `proving.py [COLD]`.

They are the projects of `cargo xtask matrix`, in which every pair of options stands. It proves them one after the other, from
no compiled crate on, and writes down what it proved. COLD (3) of them, evenly spread, are then poured and checked whole each
for itself, where nothing is kept; their mean stands for all. What is proven already costs neither; that is not measured here.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
FORMWORK = HOUSE / "target/debug/formwork"
AFTER = "servers"


def run(*command, folder=HOUSE, **environment):
    """How many seconds it took."""
    begun = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=os.environ | environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-4000:]}")
    return time.monotonic() - begun


def combinations():
    """The answers of each project of the matrix, as SLOT=OPTION."""
    lines = (HOUSE / "docs/evidence.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    slots = rows[0][:rows[0].index(AFTER)]
    # Below it stands the line that makes it a table, and after the combinations other tables may come.
    rows = [row for row in rows[2:] if len(row) == len(rows[0])]
    return [[f"{slot}={option}" for slot, option in zip(slots, row)] for row in rows]


def cold(answers):
    """Seconds from the first file to the last promise."""
    settings = [flag for answer in answers for flag in ("--set", answer)]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "project"
        seconds = run(FORMWORK, "new", folder, "--yes", "--no-check", "--no-git", "--standalone", *settings)
        return seconds + run(FORMWORK, "check", folder, XDG_CACHE_HOME=f"{work}/cache")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    every = combinations()
    run("cargo", "build", "--workspace")
    shutil.rmtree(HOUSE / "target/matrix", ignore_errors=True)
    together = run("cargo", "xtask", "matrix", "--again")
    print(f"{len(every)} one after the other: {together:.0f} s", flush=True)
    apart = []
    for answers in every[::-(-len(every) // count)]:
        apart.append(cold(answers))
        print(f"{' '.join(answers)}, cold: {apart[-1]:.0f} s", flush=True)
    mean = statistics.mean(apart)
    print(f"{together:.0f} s ÷ ({len(every)} × {mean:.0f} s) = {together / len(every) / mean:.2f}")


main()
