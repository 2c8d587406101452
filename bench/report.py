#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""report.py RESULTS CHART: print the tables of make bench, and draw its chart (SVG).

Each line of RESULTS starts with what it was measured by: instructions, replay, or wall. What
follows is described in load.c and replay.c. Another architecture's guest gives no times, and no calls
to compare with: then there are tables of counts only, and no chart.
"""

import sys
from collections import defaultdict

SIDES = ("off", "ours", "outline")
HEADS = {"off": "no checks", "ours": "checks", "outline": "calls"}


class Results:
    def __init__(self, path):
        self.replay = {}
        self.micros = []
        self.loads = defaultdict(dict)
        self.runs = {"instructions": defaultdict(dict), "wall": defaultdict(dict)}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                by, what, name, *rest = line.split()
                getattr(self, "add_" + what)(by, name, rest)

    def add_replay(self, _by, name, rest):
        kind, accesses, *figures = rest
        keys = ("off", "ours", "outline", "gcc", "gcc_kasan", "to_outline", "to_gcc")
        self.replay[name] = dict(zip(keys, map(float, figures)), kind=kind, accesses=int(accesses))

    def add_micro(self, by, name, _rest):
        if by == "instructions":
            self.micros.append(name)

    def add_load(self, by, name, rest):
        if by == "instructions":
            keys = ("checked", "straddling", "xlated", "jited", "time")
            self.loads[name][rest[0]] = dict(zip(keys, map(int, rest[1:])))

    def add_run(self, by, name, rest):
        side, units, time = rest
        self.runs[by][name][side] = int(time) / int(units)

    def reals(self):
        return [name for name in self.loads if name not in self.micros]

    def sides(self):
        return [side for side in SIDES if any(side in load for load in self.loads.values())]


def print_table(title, rows):
    print(f"\n{title}\n")
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for nr, row in enumerate(rows):
        cells = [cell.ljust(w) if i == 0 else cell.rjust(w)
                 for i, (cell, w) in enumerate(zip(row, widths))]
        print(f"| {' | '.join(cells)} |")
        if nr == 0:
            print("|" + "|".join("-" * (w + 1) + (":" if i else "-")
                                 for i, w in enumerate(widths)) + "|")


def one_of(ratio):
    return f"1/{1 / ratio:.1f}" if 0 < ratio < 1 else f"{ratio:.2f}"


def micro_table(results):
    rows = [["one access", "no checks", "checks add", "a call adds", "gcc inline adds",
             "checks/call", "checks/gcc", "instructions", "of a call"]]
    for name, r in results.replay.items():
        run = results.runs["instructions"][name]
        rows.append([name, f"{r['off']:.2f} ns", f"{r['ours'] - r['off']:.2f} ns",
                     f"{r['outline'] - r['off']:.2f} ns", f"{r['gcc_kasan'] - r['gcc']:.2f} ns",
                     one_of(r["to_outline"]), f"{r['to_gcc']:.2f}",
                     f"{run['ours'] - run['off']:.1f}", f"{run['outline'] - run['off']:.1f}"])
    print_table("Native replay on this processor, and instructions that are added", rows)


def count_table(results):
    rows = [["one access", "no checks", "checks", "checks add"]]
    for name in results.micros:
        run = results.runs["instructions"][name]
        rows.append([name, f"{run['off']:.1f}", f"{run['ours']:.1f}",
                     f"{run['ours'] - run['off']:.1f}"])
    print_table("Instructions of the small programs", rows)


def run_table(results, by, title):
    heads = [HEADS[side] for side in results.sides()]
    rows = [["one packet or sample", *heads, *heads[1:]]]
    for name, run in results.runs[by].items():
        if by == "wall" or name in results.reals():
            rows.append([name, *(f"{run[side]:.1f}" for side in results.sides()),
                         *(f"x {run[side] / run['off']:.2f}" for side in results.sides()[1:])])
    if len(rows) > 1:
        print_table(title, rows)


def bytes_per_check(load):
    return (load["ours"]["jited"] - load["off"]["jited"]) / load["ours"]["checked"]


def load_table(results):
    heads = [HEADS[side] for side in results.sides()[1:]]
    rows = [["program", "checked", "of two granules", "xlated", *heads, "JITed", *heads,
             "bytes/check", "load", *heads]]
    for name in results.reals():
        load = results.loads[name]
        rows.append([name, str(load["ours"]["checked"]), str(load["ours"]["straddling"]),
                     *(str(load[side]["xlated"]) for side in results.sides()),
                     *(str(load[side]["jited"]) for side in results.sides()),
                     f"{bytes_per_check(load):.0f}",
                     *(f"{load[side]['time'] / 1e6:.0f} M" for side in results.sides())])
    print_table("Bytes of a program, and instructions to load it", rows)


def worst(results, key, *kinds):
    return max(r[key] for r in results.replay.values() if r["kind"] in kinds)


def goals(results):
    real = [results.loads[name] for name in results.reals()]
    runs = [results.runs["instructions"][name] for name in results.reals()]
    added = sum(load["ours"]["jited"] - load["off"]["jited"] for load in real)
    checks = sum(load["ours"]["checked"] for load in real)
    yield "isolated load, of what a call adds", worst(results, "to_outline", "isolated_load"), 1 / 16
    yield "isolated store, of what a call adds", worst(results, "to_outline", "isolated_store"), 1 / 12
    yield "neighbouring field, of what a call adds", worst(results, "to_outline", "fields"), 1 / 30
    yield ("isolated access, of what gcc inline adds",
           worst(results, "to_gcc", "isolated_load", "isolated_store"), 1.3)
    yield "neighbouring field, of what gcc inline adds", worst(results, "to_gcc", "fields"), 1.3
    yield ("real program, of no checks (instructions)",
           max(run["ours"] / run["off"] for run in runs if run), 1.25)
    yield "bytes of a check in the real programs, on average", added / checks, 40
    yield ("size of a real program, of no checks",
           max(load["ours"]["jited"] / load["off"]["jited"] for load in real), 2.5)


def goal_table(results):
    rows = [["goal: the worst of them", "is", "at most", ""]]
    for what, value, limit in goals(results):
        show = one_of if limit < 1 else lambda x: f"{x:.2f}"
        rows.append([what, show(value), show(limit), "met" if value <= limit else "not met"])
    print_table("Goals", rows)


COLOURS = {"checks of this project": "#2a6fbb", "call before each access": "#d9822b",
           "gcc inline, in C": "#8a8f98"}
BAR, GAP, LEFT, WIDTH = 11, 12, 130, 520


def svg_text(x, y, text, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{text}</text>'


def svg_bars(y, name, values, scale):
    """The bars of one program, and where the next one's start."""
    parts = [svg_text(LEFT - 8, y + len(values) * BAR / 2 + 4, name, "end")]
    for value, colour in zip(values, COLOURS.values()):
        width = max(value, 0) * scale
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{max(width, 1):.1f}" height="{BAR - 1}" '
                     f'fill="{colour}"/>')
        parts.append(svg_text(LEFT + width + 4, y + BAR - 2, f"{value:.2f}", extra='class="n"'))
        y += BAR
    return parts, y + GAP


def chart(results):
    added = {name: (r["ours"] - r["off"], r["outline"] - r["off"], r["gcc_kasan"] - r["gcc"])
             for name, r in results.replay.items()}
    scale = WIDTH / max(max(values) for values in added.values())
    parts, y = [], 20
    parts.append(svg_text(8, y, "What a check adds to one access, in ns", extra='class="t"'))
    for name, colour in COLOURS.items():
        y += 16
        parts.append(f'<rect x="{LEFT}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        parts.append(svg_text(LEFT + 16, y, name))
    y += GAP
    for name, values in added.items():
        bars, y = svg_bars(y, name, values, scale)
        parts += bars
    width = LEFT + WIDTH + 50
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
            f'viewBox="0 0 {width} {y}" font-family="sans-serif" font-size="12" fill="#222">',
            "<style>.t { font-size: 14px; font-weight: bold } .n { font-size: 10px }</style>",
            f'<rect width="{width}" height="{y}" fill="#fff"/>')
    return "\n".join([*head, *parts, "</svg>", ""])


def main():
    results = Results(sys.argv[1])
    if results.replay:
        micro_table(results)
    else:
        count_table(results)
    run_table(results, "instructions", "Instructions of the real programs")
    run_table(results, "wall", "Nanoseconds in the guest")
    load_table(results)
    if not results.replay:
        return
    goal_table(results)
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write(chart(results))


main()
