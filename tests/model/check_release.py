#!/usr/bin/env python3
"""Whom an aggregator names, and which pair key it uses, when the ends of a pair may lie (PROTOCOL.md 6.12).

One survivor with one missing neighbour, every combination of what both may have sent: the tags at the share
step, the pair key that the survivor releases or does not, whether the missing one's mask seed can be
rebuilt. Keys are numbers, 0 the true one; a tag stands for the key that it was made of (of 64 bits: two keys
with one tag cost 2^64). The claims:
  named    an honest end is never named
  right    while the survivor is honest the key is the one in its vector; none but the true key is used,
           unless both ends lied alike
  noticed  a released key that is not the true one is noticed and its sender named, unless both ends lied
           alike; so is a wrong tag, once the pair is rebuilt
  cheap    a pair is rebuilt, an agreement paid, only where an end lied or the survivor is silent
and each fails for a planted rule.
"""
import itertools
import sys
from dataclasses import dataclass

TRUE = 0
VALUES = (TRUE, 1, 2)
SILENT = None
SURVIVOR, MISSING = "survivor", "missing"


@dataclass(frozen=True)
class Pair:
    survivor_tag: int
    missing_tag: int
    released: int | None
    rebuildable: bool

    def lied(self) -> set:
        liars = {SURVIVOR} if self.survivor_tag != TRUE or self.released not in (TRUE, SILENT) else set()
        return liars | ({MISSING} if self.missing_tag != TRUE else set())

    def lied_alike(self) -> bool:
        return self.survivor_tag == self.missing_tag == self.released != TRUE


@dataclass(frozen=True)
class Outcome:
    key: int | None  # None: the session ends without a sum
    named: frozenset
    agreement: bool


def as_built(pair: Pair) -> Outcome:
    if pair.released is not SILENT and pair.released == pair.survivor_tag == pair.missing_tag:
        return Outcome(pair.released, frozenset(), False)
    if not pair.rebuildable:
        return Outcome(None, frozenset(), False)
    named = set()
    if pair.survivor_tag != TRUE or pair.released not in (TRUE, SILENT):
        named.add(SURVIVOR)
    if pair.missing_tag != TRUE:
        named.add(MISSING)
    return Outcome(TRUE, frozenset(named), True)


def own_tag_alone(pair: Pair) -> Outcome:
    """Planted: what fits its sender's tag is taken."""
    if pair.released is not SILENT and pair.released == pair.survivor_tag:
        return Outcome(pair.released, frozenset(), False)
    return as_built(pair)


def names_by_tags(pair: Pair) -> Outcome:
    """Planted: whose tag the released key does not fit is named without a look at the true key."""
    outcome = as_built(pair)
    named = {end for end, tag in ((SURVIVOR, pair.survivor_tag), (MISSING, pair.missing_tag))
             if pair.released is not SILENT and pair.released != tag}
    return Outcome(outcome.key, frozenset(named), outcome.agreement)


def no_tags(pair: Pair) -> Outcome:
    """Planted: a released key is believed."""
    return as_built(pair) if pair.released is SILENT else Outcome(pair.released, frozenset(), False)


def always_rebuilds(pair: Pair) -> Outcome:
    """Planted: every pair is rebuilt, as before there were released keys."""
    return as_built(Pair(pair.survivor_tag, pair.missing_tag, SILENT, pair.rebuildable))


def broken_claims(rule) -> set:
    broken = set()
    for values in itertools.product(VALUES, VALUES, VALUES + (SILENT,), (True, False)):
        pair = Pair(*values)
        outcome = rule(pair)
        lied = pair.lied()
        if not outcome.named <= lied:
            broken.add("named")
        if outcome.key not in (TRUE, None) and not pair.lied_alike():
            broken.add("right")
        if outcome.key is not None and not pair.lied_alike():
            if pair.released not in (TRUE, SILENT) and SURVIVOR not in outcome.named:
                broken.add("noticed")
            if outcome.agreement and not lied <= outcome.named:
                broken.add("noticed")
        if outcome.agreement and not lied and pair.released is not SILENT:
            broken.add("cheap")
    return broken


EXPECTED = {as_built: set(), own_tag_alone: {"right", "noticed"}, names_by_tags: {"named", "noticed"},
            no_tags: {"right", "noticed"}, always_rebuilds: {"noticed", "cheap"}}


def main() -> int:
    wrong = 0
    for rule, expected in EXPECTED.items():
        broken = broken_claims(rule)
        wrong += broken != expected
        print(f"{'ok   ' if broken == expected else 'WRONG'} {rule.__name__}: "
              f"breaks {sorted(broken) or 'nothing'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
