"""k and t of a cohort (PROTOCOL.md 6.13). Every probability is a fraction of counts; logarithms only tell
which comparisons are so clear that the fractions need not be written out."""
import math
import struct
from fractions import Fraction
from functools import cache

from sotto_plan import SEMI_MALICIOUS

COMPLETE_UP_TO = 64
LOAD_MAX = 90_000
LYING, CURIOUS, LOST = -121, -41, -20
CLEAR = 1e-6  # in bits; the logarithms below are good to 1e-8
LOG_FACTORIALS = [0.0]
for i in range(1, 10_001):
    LOG_FACTORIALS.append(LOG_FACTORIALS[-1] + math.log2(i))


def widened(fraction):
    """What a binary32 holds of it."""
    return struct.unpack("<f", struct.pack("<f", fraction))[0]


def parts(fraction):
    """Hundred-thousandths, to the nearest."""
    return math.floor(Fraction(fraction) * 10**5 + Fraction(1, 2))


def parameters(plan, n):
    """(k, t), or None when nothing serves this plan and n."""
    return search(n, plan.adversary == SEMI_MALICIOUS, widened(plan.corrupt_fraction),
                  widened(plan.dropout_fraction), plan.honest_min)


def plan_withstands(plan, n, k, t):
    """Whether a device of this plan takes such a graph."""
    semi_malicious = plan.adversary == SEMI_MALICIOUS
    c, d = heads(n, widened(plan.corrupt_fraction), widened(plan.dropout_fraction))
    shaped = k == n - 1 or (k % 2 == 0 and 2 <= k <= 2 * n // 3)
    return shaped and withstands(n, k, t, semi_malicious, c, d, plan.honest_min)


def heads(n, gamma, delta):
    """The corrupt and the dropped of n, at most."""
    return -(-parts(gamma) * n // 10**5), parts(delta) * n // 10**5


class Tail:
    """Bound of Pr[at least `least` of `sample` drawn from `population` are among the `marked`]: the geometric
    series that begins with the first term and its ratio to the next."""

    def __init__(self, population, marked, sample, least):
        self.arguments = population, marked, sample, least
        up = (marked - least) * (sample - least)
        down = (least + 1) * (population - marked - sample + least + 1)
        self.certain = least <= max(0, sample - (population - marked))
        self.never = not self.certain and least > min(marked, sample)
        self.certain = self.certain or (not self.never and up >= down)
        self.series = (down, down - up)

    def log(self):
        if self.certain or self.never:
            return 0.0 if self.certain else -math.inf
        population, marked, sample, least = self.arguments
        return (log_ways(marked, least) + log_ways(population - marked, sample - least)
                - log_ways(population, sample) + math.log2(self.series[0] / self.series[1]))

    def exact(self):
        if self.certain or self.never:
            return Fraction(self.certain)
        population, marked, sample, least = self.arguments
        return Fraction(math.comb(marked, least) * math.comb(population - marked, sample - least)
                        * self.series[0], math.comb(population, sample) * self.series[1])


def log_ways(n, k):
    return LOG_FACTORIALS[n] - LOG_FACTORIALS[k] - LOG_FACTORIALS[n - k]


def at_most(exponent, times, *tails):
    """Whether times * tails <= 2^exponent."""
    log = math.log2(times) + sum(tail.log() for tail in tails)
    if abs(log - exponent) > CLEAR:
        return log < exponent
    product = Fraction(times)
    for tail in tails:
        product *= tail.exact()
    return product <= Fraction(2) ** exponent


def two_stretches(n, marked, length, least, exponent):
    return 2 * least > marked or at_most(exponent, n * (n - 1) // 2, Tail(n, marked, length, least),
                                         Tail(n - length, marked - least, length, least))


def withstands(n, k, t, semi_malicious, c, d, honest_min):
    if not 2 <= t <= k:
        return False
    half = k // 2
    if not semi_malicious:
        if k == n - 1:
            return t > c
        return (at_most(CURIOUS, n, Tail(n, c, k, t))
                and two_stretches(n, min(c + d, n), half, half, CURIOUS))
    if k - t + 2 < honest_min or 2 * t <= k + 1:
        return False
    if k == n - 1:
        return 2 * t - k - 1 > c
    return (at_most(LYING, n, Tail(n, c, k, 2 * t - k - 1))
            and two_stretches(n, c, half, t - half, LYING))


def keeps(n, k, t, d):
    return t + d <= k if k == n - 1 else at_most(LOST, n, Tail(n, d, k, k - t + 1))


@cache
def search(n, semi_malicious, gamma, delta, honest_min=2):
    c, d = heads(n, gamma, delta)
    load = parts(gamma) + (2 if semi_malicious else 1) * parts(delta)
    highest = 1  # whoever keeps its sum with k neighbours and threshold t does so with k + 2 and t
    if n > COMPLETE_UP_TO and load <= LOAD_MAX:
        for k in range(2, 2 * n // 3 + 1, 2):
            while highest < k and keeps(n, k, highest + 1, d):
                highest += 1
            found = smallest(n, k, highest, semi_malicious, c, d, honest_min)
            if found:
                return k, found
    k = n - 1
    found = smallest(n, k, k - d, semi_malicious, c, d, honest_min)
    return (k, found) if found else None


def smallest(n, k, highest, semi_malicious, c, d, honest_min):
    """The smallest threshold up to `highest` that withstands, or None.

    A higher one withstands more, as long as the floor allows it."""
    if semi_malicious:
        highest = min(highest, k + 2 - honest_min)
    if not withstands(n, k, highest, semi_malicious, c, d, honest_min):
        return None
    low, high = 2, highest
    while low < high:
        middle = (low + high) // 2
        if withstands(n, k, middle, semi_malicious, c, d, honest_min):
            high = middle
        else:
            low = middle + 1
    return low
