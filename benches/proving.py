#!/usr/bin/env python3
"""What it costs to prove N combinations one after the other, against as many cold checks: `proving.py [N]`.

They are the first N of an even share of the table in docs/evidence.md, so of the projects in which every pair of options
stands. Each is poured and checked whole twice: where the crates are kept that those before it compiled, as `cargo xtask matrix`
does it, and where nothing is kept. What is proven already costs neither; that is not measured here.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
FORMWORK = HOUSE / "target/release/formwork"
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
    """Of each: its answers, as SLOT=OPTION."""
    lines = (HOUSE / "docs/evidence.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    slots = rows[0][:rows[0].index(AFTER)]
    # Below it stands the line that makes it a table, and after the combinations other tables may come.
    rows = [row for row in rows[2:] if len(row) == len(rows[0])]
    return [[f"{slot}={option}" for slot, option in zip(slots, row)] for row in rows]


def check(folder, answers, cache):
    """Seconds from the first file to the last promise; then it is gone."""
    settings = [flag for answer in answers for flag in ("--set", answer)]
    seconds = run(FORMWORK, "new", folder, "--yes", "--no-check", "--no-git", "--standalone", *settings)
    # What the network takes is nobody's cost here.
    run("cargo", "fetch", "--locked", folder=folder)
    seconds += run(FORMWORK, "check", folder, XDG_CACHE_HOME=str(cache))
    run("rm", "-rf", folder)
    return seconds


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    run("cargo", "build", "--release", "--quiet")
    every = combinations()
    chosen = every[::max(1, len(every) // count)][:count]
    together, apart = 0.0, 0.0
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        for number, answers in enumerate(chosen, 1):
            in_turn = check(work / "project", answers, work / "kept")
            cold = check(work / "project", answers, work / "cold")
            run("rm", "-rf", work / "cold")
            print(f"{number} of {len(chosen)}, {' '.join(answers)}: {in_turn:.0f} s, cold {cold:.0f} s", flush=True)
            together, apart = together + in_turn, apart + cold
    print(f"{len(chosen)} combinations: {together:.0f} s ÷ {apart:.0f} s = {together / apart:.2f}")


main()
