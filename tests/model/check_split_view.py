#!/usr/bin/env python3
"""The split view at real sizes: where counting.py finds the attack if there were no consistency step."""
import random
import sys

import counting
import graphs

# n, k, t as both sides choose them at corrupt fraction 0.1; corrupt devices; attack found if nobody asked for
# signatures. None of those neighbourhoods breaks t > (k + c) / 2, so the two kinds of seed stay apart:
# thresholds alone do not help.
REAL = [(32, 31, 18, 0, True), (32, 31, 18, 3, True), (64, 63, 36, 6, True), (100, 32, 22, 0, True),
        (100, 32, 22, 10, True),
        (300, 70, 49, 30, True), (1000, 100, 70, 0, True), (1000, 100, 70, 100, True)]
# What counting allows on complete graphs: the answers of views.py over all views.
SMALL = [(5, 3, False), (6, 3, True), (6, 4, False), (7, 4, False), (8, 4, True), (8, 5, False)]
# No attack of the three shapes above this t.
HIGH = [(100, 32, 23), (300, 66, 47), (1000, 96, 72)]


def neighbours_are_symmetric(n: int, k: int) -> bool:
    near = graphs.neighbours(n, k)
    return all(len(near[i]) == k and i not in near[i] and all(i in near[j] for j in near[i])
               for i in range(n))


def main() -> int:
    wrong = 0
    cases = [(*real[:4], real[4]) for real in REAL] + [(n, n - 1, t, 0, found) for n, t, found in SMALL] + \
            [(*high, 0, False) for high in HIGH]
    for n, k, t, corrupt, expected in cases:
        members = set(random.Random(n).sample(range(1, n), corrupt))
        found = counting.split_view(n, k, t, members) if neighbours_are_symmetric(n, k) else None
        wrong += found != expected
        print(f"{'ok   ' if found == expected else 'WRONG'} n={n} k={k} t={t} corrupt={corrupt}: "
              f"{'the victim is read' if found else 'no attack of these shapes'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
