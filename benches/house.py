"""Where things are, and a command that is timed: for `proving.py` and `seconds.py`."""

import os
import subprocess
import sys
import time
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HOUSE / "target"))


def run(*command, folder=HOUSE, **environment):
    """How many seconds it took."""
    begun = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=os.environ | environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-4000:]}")
    return time.monotonic() - begun
