# SPDX-License-Identifier: GPL-2.0-only
"""bpf_kasan_log_fuzz.py TOOL log|object FILE: mutations of a good file, always the same ones."""
import importlib.machinery
import importlib.util
import io
import random
import sys

MUTATIONS = 1000
MIXES = 300


def load(path):
    loader = importlib.machinery.SourceFileLoader('tool', path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('tool', loader))
    loader.exec_module(module)
    return module


def mutate(data, rng):
    data = bytearray(data)
    for _ in range(rng.randint(1, 30)):
        at = rng.randrange(len(data) + 1)
        data[at:at + rng.choice((0, 1, 1, 1, 40))] = rng.randbytes(rng.choice((0, 1, 1, 9)))
    return bytes(data)


def found(tool, data):
    """The distinct reports, with how often each was there."""
    reader = tool.LogReader()
    reader.read(io.BytesIO(data))
    return [(group[0].key(), group[0].source, len(group), list(tool.describe(group)))
            for group in tool.distinct(reader.reports)]


def mix(data, rng):
    """The log of two callers at once, each with its lines in order."""
    callers = [[b'[    1.000000][ %s] ' % name + line for line in data.splitlines()]
               for name in (b'T1', b'C2')]
    lines = []
    while any(callers):
        lines.append(rng.choice([c for c in callers if c]).pop(0))
    return b'\n'.join(lines)


def fuzz_log(tool, good):
    for seed in range(MUTATIONS):
        found(tool, mutate(good, random.Random(seed)))
    expected = sorted((key, source, 2 * count) for key, source, count, _ in found(tool, good))
    assert len(expected) == 4, expected
    for seed in range(MIXES):
        mixed = sorted(report[:3] for report in found(tool, mix(good, random.Random(seed))))
        assert mixed == expected, f'seed {seed}: {mixed}'


def fuzz_object(tool, good):
    refused = 0
    for seed in range(MUTATIONS):
        with open('mutated.o', 'wb') as file:
            file.write(mutate(good, random.Random(seed)))
        try:
            tool.BpfObject('mutated.o')
        except tool.BAD_OBJECT:
            refused += 1
    assert 0 < refused < MUTATIONS, refused


def main():
    _, path, what, name = sys.argv
    with open(name, 'rb') as file:
        {'log': fuzz_log, 'object': fuzz_object}[what](load(path), file.read())


main()
