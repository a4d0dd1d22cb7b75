"""k and t of a cohort (PROTOCOL.md 6.13), in whole numbers: every probability is a fraction of counts."""
import math
import struct
from functools import cache

from sotto_plan import SEMI_MALICIOUS

COMPLETE_UP_TO = 64
SLACK = 1e-6
LOAD_MAX = 0.9
SECURITY = 2**41
LOST = 2**20


def widened(fraction):
    """What a binary32 holds of it."""
    return struct.unpack("<f", struct.pack("<f", fraction))[0]


def parameters(plan, n):
    """(k, t), or None when nothing serves this plan and n."""
    return search(n, plan.adversary == SEMI_MALICIOUS, widened(plan.corrupt_fraction),
                  widened(plan.dropout_fraction))


def heads(fraction, n):
    return min(n, math.floor((fraction + SLACK) * n))


def threshold(k, corrupt, semi_malicious):
    return max(-(-(k + corrupt) // 2) + 1 if semi_malicious else corrupt + 1, 2)


@cache
def search(n, semi_malicious, gamma, delta):
    c, d = heads(gamma, n), heads(delta, n)
    load = gamma + (2 * delta if semi_malicious else delta)
    if n > COMPLETE_UP_TO and load <= LOAD_MAX + SLACK:
        for k in range(2, n - 1, 2):
            if not stays_connected(n, k, c + d):
                continue
            t = threshold(k, corrupt_neighbours(n, k, c), semi_malicious)
            if t <= alive_neighbours(n, k, n - d):
                return k, t
    t = threshold(n - 1, c, semi_malicious)
    return (n - 1, t) if t + d <= n - 1 else None


def stays_connected(n, k, bad):
    return k > bad or n * (n - k - 1) * math.comb(n - k, bad - k) * SECURITY < 2 * math.comb(n, bad)


def ways(n, k, counted, number):
    """Of the draws of k from n, how many hold `number` of the `counted`."""
    return math.comb(counted, number) * math.comb(n - counted, k - number)


def corrupt_neighbours(n, k, c):
    """The smallest x with Pr[X > x] <= 2^-41 / n."""
    x, above = k, 0
    while x > 0 and (above + ways(n, k, c, x)) * SECURITY * n <= math.comb(n, k):
        above += ways(n, k, c, x)
        x -= 1
    return x


def alive_neighbours(n, k, alive):
    """The largest y with Pr[Y < y] < 2^-20 / n."""
    y, below = 0, 0
    while y < k and (below + ways(n, k, alive, y)) * LOST * n < math.comb(n, k):
        below += ways(n, k, alive, y)
        y += 1
    return y
