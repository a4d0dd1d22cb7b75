#!/usr/bin/env python3
"""Which consistency step is sound, and how many signatures it needs:
views.py over small graphs, all views, all corrupt sets.
"""
import sys
import time

try:
    import views
except ImportError:
    sys.exit("model: the Python package `z3` is missing; run scripts/install-dependencies --model")

from graphs import built_threshold, threshold

# The graphs: n, k, at most c corrupt. Complete ones to 8, circulants to 14.
GRAPHS = [(5, 4, 0), (5, 4, 1), (6, 5, 0), (6, 5, 1), (7, 6, 1), (8, 7, 0), (8, 7, 1), (8, 7, 2),
          (8, 4, 0), (8, 4, 1), (10, 4, 0), (10, 4, 1), (10, 6, 0), (10, 6, 1), (10, 6, 2),
          (12, 6, 0), (12, 6, 1), (12, 6, 2), (12, 8, 0), (12, 8, 1), (12, 8, 2), (14, 6, 0), (14, 6, 1)]
# Where no step and t = threshold(k, c) let a victim's vector be read.
SPLIT_VIEW_WORKS = {(6, 5, 0), (7, 6, 1), (8, 7, 0), (8, 7, 2), (8, 4, 1), (10, 4, 1), (10, 6, 0), (10, 6, 1),
                    (12, 6, 0), (12, 6, 1), (12, 8, 0), (12, 8, 1), (12, 8, 2), (14, 6, 0), (14, 6, 1)}
# n, k, t, c, step, signatures, release, size of the smallest sum of honest devices that can be read.
SMALLEST_SUMS = [
    (8, 7, 4, 0, "none", 0, "pair seeds", 2), (8, 7, 5, 1, "none", 0, "pair seeds", 3),
    (10, 4, 3, 1, "none", 0, "pair seeds", 2), (12, 6, 4, 1, "none", 0, "both", 1),
    (8, 7, 4, 0, "ack", 4, "both", 2), (10, 4, 3, 0, "ack", 3, "both", 3), (10, 4, 3, 1, "ack", 3, "both", 2),
    (12, 6, 4, 1, "ack", 4, "shares", 2),
    (8, 7, 4, 0, "same", 4, "both", 5), (8, 7, 5, 1, "same", 5, "both", 5),
    (10, 4, 3, 0, "same", 3, "both", 8),
    (12, 6, 4, 1, "same", 4, "both", 2), (12, 6, 4, 1, "same", 5, "both", 9),
    (12, 6, 5, 1, "same", 5, "both", 10),
    (14, 6, 4, 1, "same", 4, "both", 2), (14, 6, 4, 1, "same", 5, "both", 11),
    (14, 6, 5, 2, "same", 5, "both", 10),
    (10, 4, 3, 0, "all", 6, "both", 8), (8, 7, 5, 1, "all", 5, "both", 5),
]
PLANTED = [  # n, k, t, c, step, signatures, goal, planted bug; sound without the bug
    (8, 7, 5, 1, "same", 4, "both kinds", "two answers"),
    (8, 7, 5, 1, "same", 4, "both kinds", "overlap"),
    (8, 7, 5, 1, "none", 0, "victim", "few survivors"),
    (10, 6, 4, 1, "same", 4, "victim", "ignored set"),
    (10, 6, 4, 1, "same", 4, "victim", "own id"),
    (10, 6, 4, 1, "ack", 4, "victim", "ignored set"),
    (8, 7, 5, 1, "same", 5, "sum", "not alive"),
]
PLANTED_WITH_PAIR_KEYS = [  # the same with pair keys; n, k, t = signatures, c
    (8, 7, 5, 1, "victim", "two answers"),
    (8, 7, 5, 1, "victim", "overlap"),
    (10, 6, 4, 1, "victim", "own id"),
    (10, 6, 4, 1, "victim", "ignored set"),
    (8, 7, 5, 1, "sum", "not alive"),
]
wrong = 0


def attack_exists(**question) -> bool:
    return views.Attack(views.Question(**question)).exists(timeout_s=300)


def report(text: str, expected, found) -> None:
    global wrong
    wrong += expected != found
    print(f"{'ok   ' if expected == found else 'WRONG'} {text}: "
          f"{found}{'' if expected == found else f', not {expected}'}",
          flush=True)


def thresholds() -> None:
    for n, k, c in GRAPHS:
        t = threshold(k, c)
        graph = {"n": n, "k": k, "corrupt": c}
        report(f"n={n} k={k} t={t} c={c} no step, both kinds of seed", False,
               attack_exists(**graph, t=t, goal="both kinds"))
        report(f"n={n} k={k} t={t - 1} c={c} no step, both kinds of seed", True,
               attack_exists(**graph, t=t - 1, goal="both kinds"))
        report(f"n={n} k={k} t={t} c={c} no step, victim read", (n, k, c) in SPLIT_VIEW_WORKS,
               attack_exists(**graph, t=t))


def signatures() -> None:
    """k + c + 1 - t signatures are enough; of "ack" one fewer is not, wherever there is an attack to stop."""
    for n, k, c in GRAPHS:
        t = threshold(k, c)
        graph = {"n": n, "k": k, "t": t, "corrupt": c}
        enough = k + c + 1 - t
        for rule in ("ack", "same"):
            for release in ("shares", "both"):
                report(f"n={n} k={k} t={t} c={c} {rule} {enough}, {release}: victim read", False,
                       attack_exists(**graph, rule=rule, signatures=enough, release=release))
        report(f"n={n} k={k} t={t} c={c} ack {enough - 1}: victim read", (n, k, c) in SPLIT_VIEW_WORKS,
               attack_exists(**graph, rule="ack", signatures=enough - 1))


def as_built() -> None:
    """The rule of PROTOCOL.md sections 6.10 to 6.13. SMALLEST_SUMS says how large its sums stay."""
    for n, k, c in GRAPHS:
        t = built_threshold(k, c)
        graph = {"n": n, "k": k, "t": t, "corrupt": c, "rule": "same", "signatures": t, "release": "both"}
        for goal in ("both kinds", "victim"):
            report(f"n={n} k={k} t={t} c={c} as built, {goal}", False, attack_exists(**graph, goal=goal))


def sums_as_built() -> None:
    """Pair keys beside shares open no smaller sum than shares alone: the smallest of SMALLEST_SUMS, which has
    both, is one for shares, too."""
    for n, k, t, c, rule, count, release, smallest in SMALLEST_SUMS:
        if rule != "same" or release != "both" or count != t or t != built_threshold(k, c):
            continue
        question = {"n": n, "k": k, "t": t, "corrupt": c, "rule": rule, "signatures": count, "goal": "sum"}
        report(f"n={n} k={k} t={t} c={c} as built, shares alone: a sum of {smallest}", True,
               attack_exists(**question, goal_size=smallest))


def pair_seeds() -> None:
    for n, k, c in GRAPHS:
        t = threshold(k, c)
        report(f"n={n} k={k} t={t} c={c} no step, pair seeds in place of shares: victim read", False,
               attack_exists(n=n, k=k, t=t, corrupt=c, release="pair seeds"))
        report(f"n={n} k={k} t={t - 1} c={c} no step, pair seeds in place of shares: victim read", True,
               attack_exists(n=n, k=k, t=t - 1, corrupt=c, release="pair seeds"))


def sums() -> None:
    for n, k, t, c, rule, count, release, smallest in SMALLEST_SUMS:
        question = {"n": n, "k": k, "t": t, "corrupt": c, "rule": rule, "signatures": count,
                    "release": release, "goal": "sum"}
        size = next(m for m in range(1, n + 1) if attack_exists(**question, goal_size=m))
        report(f"n={n} k={k} t={t} c={c} {rule} {count}, {release}: smallest sum", smallest, size)


def planted_bugs() -> None:
    for n, k, t, c, rule, count, goal, bug in PLANTED:
        question = {"n": n, "k": k, "t": t, "corrupt": c, "rule": rule, "signatures": count, "goal": goal,
                    "goal_size": 3}
        text = f"n={n} k={k} t={t} c={c} {rule} {count}, {goal}"
        report(text, False, attack_exists(**question))
        report(f"{text}, planted '{bug}'", True, attack_exists(**question, planted=frozenset([bug])))
    for n, k, t, c, goal, bug in PLANTED_WITH_PAIR_KEYS:
        question = {"n": n, "k": k, "t": t, "corrupt": c, "rule": "same", "signatures": t, "goal": goal,
                    "goal_size": 3, "release": "both"}
        text = f"n={n} k={k} t={t} c={c} same {t}, both: {goal}"
        report(text, False, attack_exists(**question))
        report(f"{text}, planted '{bug}'", True, attack_exists(**question, planted=frozenset([bug])))


if __name__ == "__main__":
    begun = time.monotonic()
    for part in (planted_bugs, as_built, sums_as_built, thresholds, signatures, pair_seeds, sums):
        part()
    print(f"{wrong} unexpected answers, {time.monotonic() - begun:.0f} s")
    sys.exit(1 if wrong else 0)
