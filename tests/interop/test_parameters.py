#!/usr/bin/env python3
"""Neighbours and threshold (PROTOCOL.md 6.13), worked out twice.

test_parameters.py GRAPH_TABLE BREAKPOINTS           every n to 300, some where answers change, some drawn
test_parameters.py GRAPH_TABLE BREAKPOINTS --whole   every n to 10,000; and the list of changes is complete
test_parameters.py GRAPH_TABLE BREAKPOINTS --write   writes that list from this program's own answers

BREAKPOINTS holds for each pair of fractions the n whose answer differs from that of n - 1.
"""
import json
import pathlib
import random
import subprocess
import sys

from sotto_parameters import search, widened

CORRUPT = (0.05, 0.1, 0.2, 0.33)
DROPPED = (0.05, 0.1, 0.3)
PAIRS = [(gamma, delta) for gamma in CORRUPT for delta in DROPPED]
LARGEST = 10_000
ALWAYS_TO = 300
DRAWN = 40
MANY = 100


def here(gamma, delta, n, semi_malicious=True, honest_min=2):
    return search(n, semi_malicious, widened(gamma), widened(delta), honest_min)


def there(program, requests):
    lines = "".join(f"{'semi_malicious' if semi else 'curious'} {gamma} {delta} {honest} {n}\n"
                    for gamma, delta, n, semi, honest in requests)
    run = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return [None if line == "none" else tuple(map(int, line.split())) for line in run.stdout.splitlines()]


def name(gamma, delta):
    return f"{gamma} {delta}"


def some(sizes):
    """About MANY of them, the first and the last as well."""
    return [*sizes[::len(sizes) // MANY + 1], sizes[-1]]


def requests_of(breakpoints, whole):
    draw = random.Random(20)
    for gamma, delta in PAIRS:
        sizes = set(range(3, LARGEST + 1)) if whole else (
            set(range(3, ALWAYS_TO + 1)) | {draw.randrange(ALWAYS_TO, LARGEST + 1) for _ in range(DRAWN)}
            | set(some(breakpoints[name(gamma, delta)])))
        yield from ((gamma, delta, n, True, 2) for n in sorted(sizes))
        yield from ((gamma, delta, n, False, 2) for n in (*range(3, 100), 1000))
        yield from ((gamma, delta, n, True, honest) for n in range(60, 200, 7) for honest in (5, 12, 30))


def changes(gamma, delta):
    answers = {n: here(gamma, delta, n) for n in range(3, LARGEST + 1)}
    return [n for n in range(4, LARGEST + 1) if answers[n] != answers[n - 1]]


def main(arguments):
    program, listed, mode = arguments[0], pathlib.Path(arguments[1]), arguments[2:]
    if mode == ["--write"]:
        lines = [f"{json.dumps(name(*pair))}: {json.dumps(changes(*pair))}" for pair in PAIRS]
        listed.write_text("{" + ",\n".join(lines) + "}\n")
        return 0
    breakpoints = json.loads(listed.read_text())
    requests = list(requests_of(breakpoints, mode == ["--whole"]))
    wrong = 0
    for request, answer in zip(requests, there(program, requests), strict=True):
        gamma, delta, n, semi, honest = request
        expected = here(gamma, delta, n, semi, honest)
        if answer != expected:
            wrong += 1
            print(f"n={n} gamma={gamma} delta={delta} semi_malicious={semi} honest_min={honest}: "
                  f"{answer}, expected {expected}")
    if mode == ["--whole"]:
        for pair in PAIRS:
            if changes(*pair) != breakpoints[name(*pair)]:
                wrong += 1
                print(f"the list of changes for {name(*pair)} is not complete")
    print(f"{len(requests)} requests, {wrong} answers differ")
    return 1 if wrong or not requests else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
