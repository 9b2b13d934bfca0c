#!/usr/bin/env python3
"""What each direct dependency costs: `crates.py METADATA TIMINGS`, of `cargo metadata` and `cargo build --timings`."""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path


def seconds_of(page):
    """By name and version: the seconds of its units, build scripts and their runs among them."""
    units = re.search(r"UNIT_DATA\s*=\s*(\[.*?\]);\s*$", page, re.DOTALL | re.MULTILINE)
    seconds = defaultdict(float)
    for unit in json.loads(units[1]):
        seconds[unit["name"], unit["version"]] += unit["duration"]
    return seconds


class Graph:
    """Who needs whom to be built."""

    def __init__(self, metadata):
        resolve = metadata["resolve"]
        self.root = resolve["root"]
        self.name = {package["id"]: (package["name"], package["version"]) for package in metadata["packages"]}
        self.needs = {node["id"]: [dependency["pkg"] for dependency in node["deps"] if is_built(dependency)]
                      for node in resolve["nodes"]}

    def reached(self, without=None):
        """All that the project needs, by its id; `without` one that it names itself."""
        found, waiting = {self.root}, [self.root]
        while waiting:
            at = waiting.pop()
            for needed in self.needs[at]:
                if needed not in found and not (at == self.root and needed == without):
                    found.add(needed)
                    waiting.append(needed)
        return found


def is_built(dependency):
    return any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])


def main():
    graph = Graph(json.loads(Path(sys.argv[1]).read_text()))
    seconds = seconds_of(Path(sys.argv[2]).read_text())
    cost = {one: seconds[graph.name[one]] for one in graph.reached() if graph.name[one] in seconds}
    rows = []
    for crate in graph.needs[graph.root]:
        gone = [one for one in graph.reached() - graph.reached(crate) if one in cost]
        rows.append((sum(cost[one] for one in gone), cost.get(crate, 0.0), len(gone), graph.name[crate][0]))
    rows.sort(key=lambda row: (-row[0], -row[1], row[3]))
    print("| crate | itself, s | crates that only it brings, with itself | their s |")
    print("| --- | ---: | ---: | ---: |")
    for together, itself, count, name in rows:
        print(f"| {name} | {itself:.1f} | {count} | {together:.1f} |")
    of_root = cost[graph.root]
    shared = sum(cost.values()) - of_root - sum(row[0] for row in rows)
    print(f"| what several of them bring | | {len(cost) - 1 - sum(row[2] for row in rows)} | {shared:.1f} |")
    print(f"| the project itself | {of_root:.1f} | | |")
    print(f"\n{len(cost) - 1} crates, {sum(cost.values()):.0f} s in all of one core.")


main()
