#!/usr/bin/env python3
"""The tables and plots of `options.sh`: `plot.py DATA [DIR]` prints Markdown, and writes SVG files to DIR."""

# A section of docs/benchmarks.md is what this prints; what follows from the figures is written by hand below it.

import math
import statistics
import sys
from collections import defaultdict
from pathlib import Path

OPTIONS = ["async", "threads", "per-core"]
PERCENTILES = ["p50", "p99", "p999"]
WIDTH, LEFT, RIGHT, ROW = 760, 90, 130, 22

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; } .panel { font-weight: 600; } .small { font-size: 11px; }
.back { fill: #ffffff; } .grid { stroke: #d1d9e0; } .whisker { stroke: #1f2328; }
.async { fill: #3b6fb6; stroke: #3b6fb6; } .threads { fill: #c2581a; stroke: #c2581a; }
.per-core { fill: #2f855a; stroke: #2f855a; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .back { fill: #0d1117; } .grid { stroke: #3d444d; } .whisker { stroke: #e6edf3; }
  .async { fill: #4585d8; stroke: #4585d8; } .threads { fill: #cf6c2c; stroke: #cf6c2c; }
  .per-core { fill: #389a68; stroke: #389a68; }
}
"""


HOW = """\
`benches/options.sh {rounds}` of {day}: in each of {rounds} rounds each option in turn, on {machine}, with its load and its
provider on the same cores. Throughput is that of connections which ask again as soon as they are answered; times are taken
at a fixed rate, from when each request was due. Likeness compares two documents of 20,000 characters in `Context::compute`.
The slow answers are 200 streams of 5 tokens a second; beside them four of five requests read a document and one creates
one, which is also embedded by a job. The pools of `threads` were large enough that nothing waited for a thread
(`APP__THREADS__STREAMS=3100`); as there cannot be 8,000 threads, its memory is measured up to 3,000. Medians of the rounds;
[options.tsv](figures/options.tsv) has all figures."""

STREAMS = [1000, 3000, 8000]

PLOTS = {"throughput": "Requests a second", "latency": "Times to the answer", "memory": "Memory with open streams"}


class Run:
    """What one run of `options.sh` measured."""

    def __init__(self, path):
        self.about, self.values = {}, defaultdict(list)
        for line in Path(path).read_text().splitlines():
            if line.startswith("# "):
                name, value = line[2:].split(": ", 1)
                self.about[name] = value
            elif not line.startswith("round"):
                _, option, figure, value = line.split("\t")
                self.values[option, figure].append(float(value))
        self.rounds = len(self.values["async", "get_per_second"])

    def all(self, option, figure):
        return self.values[option, figure]

    def median(self, option, figure):
        return statistics.median(self.all(option, figure))

    def percentiles(self, option, name):
        return [self.median(option, f"{name}_{percentile}_ms") for percentile in PERCENTILES]

    def has(self, option, streams):
        return (option, f"rss_{streams}_kib") in self.values

    def mebibytes(self, option, streams):
        return [value / 1024 for value in self.values.get((option, f"rss_{streams}_kib"), [])]

    def a_stream(self, option, streams):
        grown = self.median(option, f"rss_{streams}_kib") - self.median(option, "rss_0_kib")
        return grown / streams

    def rate(self, name):
        return int(self.about[f"{name}_rate"])

    def lost(self, option):
        return sum(sum(values) for (of, figure), values in self.values.items()
                   if of == option and figure.endswith(("_failed", "_refused")))


def number(value):
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def throughputs():
    return [
        ("GET by id, 32 connections", "get"),
        ("likeness of two documents, 32 connections", "likeness"),
        ("CRUD beside 200 slow answers, 16 connections", "crud"),
    ]


def latencies(run):
    crud = run.rate("crud")
    return [
        (f"GET by id at {run.rate('get'):,}/s", "get"),
        (f"likeness of two documents at {run.rate('likeness'):,}/s", "likeness"),
        (f"reads at {crud * 4 // 5:,}/s beside 200 slow answers", "crud_read"),
        (f"writes at {crud // 5:,}/s beside 200 slow answers", "crud_write"),
    ]


def table(run):
    def row(name, cell):
        return f"| {name} | " + " | ".join(cell(option) for option in OPTIONS) + " |"

    yield "| | " + " | ".join(f"`{option}`" for option in OPTIONS) + " |"
    yield "| --- |" + " ---: |" * len(OPTIONS)
    for title, name in throughputs():
        yield row(title, lambda option: f"{run.median(option, f'{name}_per_second'):,.0f}/s")
    for title, name in latencies(run):
        yield row(f"{title}: p50, p99, p99.9",
                  lambda option: ", ".join(map(number, run.percentiles(option, name))) + " ms")
    yield row("memory with no stream open", lambda option: f"{statistics.median(run.mebibytes(option, 0)):.0f} MiB")
    def memory(option, streams):
        if not run.has(option, streams):
            return "–"
        return f"{statistics.median(run.mebibytes(option, streams)):.0f} MiB; {run.a_stream(option, streams):.1f} KiB"

    for streams in STREAMS:
        yield row(f"memory with {streams:,} streams open; a stream", lambda option: memory(option, streams))
    yield row("failed or refused, of all", lambda option: f"{run.lost(option):.0f}")


class Plot:
    """Panels below each other, a row an option."""

    def __init__(self, title, run, note):
        self.parts, self.y = [], 58
        self.footer = f"{run.about['machine']}; load, provider and service share them. Medians of {run.rounds} rounds{note}."
        self.text(16, 28, title, "title")

    def text(self, x, y, text, style="", anchor="start"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{text}</text>')

    def line(self, x1, x2, y1, y2, style, width=1):
        self.parts.append(f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" class="{style}"'
                          f' stroke-width="{width}"/>')

    def panel(self, title, unit, ticks, place, draw):
        """`place` gives the x of a value, `draw` an option's row at y."""
        self.text(16, self.y, title, "panel")
        top, bottom = self.y + 10, self.y + 14 + ROW * len(OPTIONS)
        for tick in ticks:
            self.line(place(tick), place(tick), top, bottom, "grid")
            self.text(place(tick), bottom + 14, f"{tick:,g}", "small", "middle")
        self.text(WIDTH - 16, bottom + 14, unit, "small", "end")
        for at, option in enumerate(OPTIONS):
            y = top + 14 + at * ROW
            self.text(LEFT - 8, y + 4, option, "", "end")
            draw(option, y)
        self.y = bottom + 46

    def bars(self, title, unit, values, name=number):
        """A bar for the median of each option's values, with a whisker from the least to the most."""
        most = max(max(values(option)) for option in OPTIONS if values(option))
        ticks = linear(most)

        def place(value):
            return LEFT + value / ticks[-1] * (WIDTH - LEFT - RIGHT)

        def draw(option, y):
            own = values(option)
            if not own:
                self.text(LEFT + 6, y + 4, "more than it can have threads")
                return
            middle = statistics.median(own)
            self.parts.append(f'<rect x="{LEFT}" y="{y - 7}" width="{place(middle) - LEFT:.1f}" height="14" class="{option}"/>')
            self.line(place(min(own)), place(max(own)), y, y, "whisker", 1.5)
            self.text(max(place(max(own)), place(middle)) + 6, y + 4, name(middle))

        self.panel(title, unit, ticks, place, draw)

    def points(self, title, percentiles):
        """Three points an option, on a logarithmic axis of milliseconds."""
        every = [value for option in OPTIONS for value in percentiles(option)]
        low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))
        high = max(high, low + 1)

        def place(value):
            return LEFT + (math.log10(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

        def draw(option, y):
            own = percentiles(option)
            self.line(place(own[0]), place(own[-1]), y, y, option, 2)
            for radius, value in zip((3, 4.5, 6), own):
                self.parts.append(f'<circle cx="{place(value):.1f}" cy="{y}" r="{radius}" class="{option}"/>')
            self.text(place(own[-1]) + 12, y + 4, " · ".join(map(number, own)), "small")

        self.panel(title, "ms", [10 ** power for power in range(low, high + 1)], place, draw)

    def write(self, path):
        self.text(16, self.y - 8, self.footer, "small")
        height = self.y + 6
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
                        f' height="{height}" role="img">\n<style>{STYLE}</style>\n'
                        f'<rect class="back" width="{WIDTH}" height="{height}"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


def linear(most):
    """Round ticks from zero to at least `most`."""
    step = 10 ** math.floor(math.log10(most / 2))
    step *= next(by for by in (1, 2, 5, 10) if most / (step * by) <= 5)
    return [step * at for at in range(math.ceil(most / step) + 1)]


def plots(run, folder):
    whiskers = "; whiskers from the least to the most"
    throughput = Plot("Requests a second, by option of concurrency", run, whiskers)
    for title, name in throughputs():
        throughput.bars(title, "requests/s", lambda option: run.all(option, f"{name}_per_second"))
    throughput.write(folder / "options-throughput.svg")

    latency = Plot("Time to the answer: p50, p99 and p99.9", run, ", from when each request was due")
    for title, name in latencies(run):
        latency.points(title, lambda option: run.percentiles(option, name))
    latency.write(folder / "options-latency.svg")

    memory = Plot("Resident memory of the service", run, whiskers)
    for streams in STREAMS:
        memory.bars(f"{streams:,} streams open", "MiB", lambda option: run.mebibytes(option, streams))
    memory.write(folder / "options-memory.svg")


def main():
    run = Run(sys.argv[1])
    print(HOW.format(rounds=run.rounds, **run.about) + "\n")
    print("\n".join(table(run)))
    for name, title in PLOTS.items():
        print(f"\n![{title}, by option](figures/options-{name}.svg)")
    if len(sys.argv) > 2:
        plots(run, Path(sys.argv[2]))


main()
