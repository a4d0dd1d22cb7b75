#!/usr/bin/env python3
"""What corrupt devices in chosen places, and honest ones said to be missing, let a coordinator read.

check_places.py          circulants to 10 positions
check_places.py --long   to 13

Everybody is told one set of survivors. Exhaustive: every set of corrupt devices that holds position 0 or
none (the others are rotations), every set of honest devices that may be called missing, every threshold above
k / 2. A part is read when the self seeds of its honest members open, and the mask seeds of all their honest
neighbours outside it. The claims of PROTOCOL.md section 6.13, with w = k / 2:
  cut     a part that is not all honest survivors is read only where two disjoint windows of w positions
          hold t - w corrupt devices each
  floor   where no device has more than 2t - k - 2 corrupt neighbours, every part has k - t + 2 honest
          members
and windows with one corrupt device more are not always there. Devices give pair keys beside shares: of a
missing neighbour the mask seed need not open for those who answer.
"""
import itertools
import sys

from graphs import neighbours


def masks(n, k):
    return [sum(1 << j for j in around) for around in neighbours(n, k)]


def windows_with(n, w, corrupt, least):
    """The starts of windows of w positions with at least that many corrupt devices."""
    return [start for start in range(n)
            if sum(corrupt >> (start + i) % n & 1 for i in range(w)) >= least]


def two_disjoint(n, w, starts):
    return any(w <= b - a <= n - w for a, b in itertools.combinations(starts, 2))


def parts(members, near):
    """Connected parts of these devices."""
    left = members
    while left:
        part = left & -left
        while True:
            grown = part
            for v in range(len(near)):
                if part >> v & 1:
                    grown |= near[v] & members
            if grown == part:
                break
            part = grown
        yield part
        left &= ~part


def count(bits):
    return bits.bit_count()


def read_parts(n, near, t, corrupt, missing):
    """The parts that can be read, of the honest survivors."""
    everybody = (1 << n) - 1
    survivors = everybody & ~missing
    honest = survivors & ~corrupt
    # Corrupt survivors sign anything; an honest one releases with t surviving neighbours that signed the set.
    releasing = sum(1 << v for v in range(n) if honest >> v & 1 and count(near[v] & survivors) >= t)
    opens = [count(near[v] & (releasing | corrupt)) >= t for v in range(n)]
    for part in parts(honest, near):
        around = 0  # of those who do not answer: the others give their pair keys with the missing themselves
        for v in range(n):
            if (part & ~releasing) >> v & 1:
                around |= near[v]
        if all(opens[v] for v in range(n) if (part | around & missing) >> v & 1):
            yield part, honest


def arrangements(n):
    for corrupt in range(1 << n):
        if corrupt and not corrupt & 1:
            continue
        free = (1 << n) - 1 & ~corrupt
        missing = free
        while True:
            yield corrupt, missing
            if missing == 0:
                break
            missing = (missing - 1) & free


def check(n, k):
    near, w = masks(n, k), k // 2
    wrong, sharp, cuts, smallest = 0, False, {}, {}
    for corrupt, missing in arrangements(n):
        most = max(count(around & corrupt) for v, around in enumerate(near) if not corrupt >> v & 1) \
            if corrupt != (1 << n) - 1 else n
        for t in range(w + 1, k + 1):
            for part, honest in read_parts(n, near, t, corrupt, missing):
                if part != honest:
                    cuts[t] = cuts.get(t, 0) + 1
                    if not two_disjoint(n, w, windows_with(n, w, corrupt, t - w)):
                        wrong += 1
                    if not two_disjoint(n, w, windows_with(n, w, corrupt, t - w + 1)):
                        sharp = True
                if most <= 2 * t - k - 2:
                    smallest[t] = min(smallest.get(t, n), count(part))
    floors = [size - (k - t + 2) for t, size in smallest.items()]
    low = sum(margin < 0 for margin in floors)
    print(f"{'ok   ' if not wrong and not low else 'WRONG'} n={n} k={k}: parts cut off {cuts}, "
          f"smallest sums {smallest} of at least {({t: k - t + 2 for t in smallest})}", flush=True)
    return wrong + low, sharp


def main(arguments):
    largest = 13 if arguments == ["--long"] else 10
    results = [check(n, k) for n in range(6, largest + 1) for k in range(4, 2 * n // 3 + 1, 2)]
    bad = sum(result[0] for result in results)
    sharp = any(result[1] for result in results)
    print(f"{'ok   ' if sharp else 'WRONG'} windows with one corrupt device more are not always there")
    return 1 if bad or not sharp or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
