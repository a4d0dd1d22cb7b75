#!/usr/bin/env python3
"""Runs SPIN on session.pml: every property exhaustively for small cohorts,
and once against a planted bug that breaks it.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

MODEL = pathlib.Path(__file__).resolve().with_name("session.pml")
MEMORY_MAX_MB = 3500
STATES = re.compile(r"(\d+) states, stored")

BOTH_KINDS, VICTIM, ONE_SET, COMPLETES, ONE_KIND = 1, 2, 3, 4, 5
NAMES = {BOTH_KINDS: "never both kinds of seed", VICTIM: "no victim's vector", ONE_SET: "one set or abort",
         COMPLETES: "a run without faults completes", ONE_KIND: "no device gives both kinds for one other"}
# (n, t, corrupt, rule, signatures, property, further macros, holds). Rules as in session.pml.
CASES = [
    (3, 2, 0, 0, 0, BOTH_KINDS, "", True),
    (3, 2, 0, 0, 0, VICTIM, "", True),
    (4, 3, 1, 0, 0, BOTH_KINDS, "", True),
    (4, 3, 1, 0, 0, VICTIM, "", True),
    (4, 3, 1, 0, 0, VICTIM, "BUG_FEW_SURVIVORS", False),
    (4, 3, 1, 0, 0, BOTH_KINDS, "BUG_OVERLAP", False),
    (4, 2, 0, 0, 0, BOTH_KINDS, "BUG_TWO_ANSWERS", False),
    (4, 2, 1, 0, 0, BOTH_KINDS, "", False),         # planted: t <= (k + c) / 2
    (4, 2, 0, 0, 0, ONE_SET, "", False),            # no consistency step
    (4, 2, 0, 1, 2, ONE_SET, "", True),
    (4, 2, 0, 1, 2, ONE_SET, "BUG_SET_IGNORED", False),
    (4, 3, 0, 1, 3, COMPLETES, "", True),
    (4, 3, 0, 1, 3, COMPLETES, "BUG_SIGNS_LATE", False),
    (4, 2, 0, 0, 0, BOTH_KINDS, "", True),
    (4, 2, 0, 0, 0, VICTIM, "", True),
    (5, 3, 1, 0, 0, BOTH_KINDS, "", True),
    (5, 3, 1, 0, 0, VICTIM, "", True),
    (5, 2, 0, 0, 0, BOTH_KINDS, "", False),         # planted: t <= k / 2
    (5, 2, 0, 0, 0, VICTIM, "", False),
    (5, 3, 1, 0, 0, ONE_SET, "", False),
    (5, 3, 1, 1, 3, BOTH_KINDS, "", True),
    (5, 3, 1, 1, 3, VICTIM, "", True),
    (5, 3, 1, 1, 3, ONE_SET, "", True),
    (5, 3, 1, 2, 3, VICTIM, "", True),
    (5, 3, 1, 2, 3, ONE_SET, "", False),            # rule 2 does not promise one set
    (5, 3, 1, 1, 3, ONE_SET, "BUG_SET_IGNORED", False),
    (5, 3, 0, 1, 3, COMPLETES, "", True),
    # As built: t of PROTOCOL.md section 6.13, and as many signatures.
    (3, 2, 0, 1, 2, VICTIM, "", True),
    (4, 3, 0, 1, 3, BOTH_KINDS, "", True),
    (4, 3, 0, 1, 3, VICTIM, "", True),
    (4, 3, 1, 1, 3, VICTIM, "", True),
    (4, 3, 1, 1, 3, ONE_SET, "", True),
    (5, 3, 0, 1, 3, VICTIM, "", True),
    (5, 4, 1, 1, 4, BOTH_KINDS, "", True),
    (5, 4, 1, 1, 4, VICTIM, "", True),
    (5, 4, 1, 1, 4, ONE_SET, "", True),
    (6, 4, 0, 1, 4, VICTIM, "SPLIT_VIEW", True),
    # The split view: the first complete graph on which t > k / 2 does not stop it, and the step that does.
    (6, 3, 0, 0, 0, VICTIM, "SPLIT_VIEW", False),
    (6, 3, 0, 2, 2, VICTIM, "SPLIT_VIEW", False),
    (6, 3, 0, 2, 3, VICTIM, "SPLIT_VIEW", True),
    (6, 3, 0, 1, 3, VICTIM, "SPLIT_VIEW", True),
    (6, 3, 0, 1, 3, VICTIM, "SPLIT_VIEW BUG_SET_IGNORED", False),
    (6, 4, 0, 0, 0, VICTIM, "SPLIT_VIEW", True),
    # Pair keys beside the shares, as built.
    (3, 2, 0, 1, 2, VICTIM, "PAIR_KEYS", True),
    (4, 3, 0, 1, 3, VICTIM, "PAIR_KEYS", True),
    (4, 2, 0, 0, 0, ONE_KIND, "PAIR_KEYS", True),
    (4, 3, 1, 1, 3, VICTIM, "PAIR_KEYS", True),
    (5, 3, 0, 1, 3, VICTIM, "PAIR_KEYS", True),
    (5, 4, 1, 1, 4, VICTIM, "PAIR_KEYS", True),
    (6, 4, 0, 1, 4, VICTIM, "SPLIT_VIEW PAIR_KEYS", True),
    # Without the step they are as bad as shares alone, and every bug of a device's answer shows.
    (6, 3, 0, 0, 0, VICTIM, "SPLIT_VIEW PAIR_KEYS", False),
    (4, 3, 1, 1, 3, ONE_KIND, "PAIR_KEYS BUG_OVERLAP", False),
    (4, 2, 0, 0, 0, ONE_KIND, "PAIR_KEYS BUG_TWO_ANSWERS", False),
    (4, 3, 1, 0, 0, VICTIM, "PAIR_KEYS BUG_OVERLAP", False),
    (4, 3, 1, 0, 0, VICTIM, "PAIR_KEYS BUG_FEW_SURVIVORS", False),
    (6, 3, 0, 1, 3, VICTIM, "SPLIT_VIEW PAIR_KEYS BUG_SET_IGNORED", False),
]


def run(directory: pathlib.Path, *command: str) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"model: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def verdict(case) -> tuple[bool, int]:
    """Whether the property holds, and the states visited. A search
    that is cut short is a failure of the test."""
    n, t, corrupt, rule, signatures, wanted, macros, _ = case
    defines = [f"-DN={n}", f"-DT={t}", f"-DCORRUPT={corrupt}", f"-DRULE={rule}", f"-DSIGNATURES={signatures}",
               f"-DPROPERTY={wanted}"] + [f"-D{macro}" for macro in macros.split()]
    liveness = wanted == COMPLETES
    with tempfile.TemporaryDirectory(prefix="sotto-model-") as name:
        directory = pathlib.Path(name)
        run(directory, "spin", *defines, "-a", str(MODEL))
        kind = ["-DNFAIR=3"] if liveness else ["-DSAFETY"]
        run(directory, "gcc", "-O1", "-w", f"-DMEMLIM={MEMORY_MAX_MB}", *kind, "-o", "pan", "pan.c")
        # -E: a device may wait for signatures for ever; that is the "abort" of "one set or abort".
        output = run(directory, "./pan", "-m100000", *(["-a", "-f"] if liveness else ["-E"]))
    if "errors: 0" not in output and "errors: 1" not in output:
        sys.exit(f"model: no verdict for {case}:\n{output}")
    for trouble in ("reached -DMEMLIM", "max search depth too small", "out of memory"):
        if trouble in output:
            sys.exit(f"model: search cut short ({trouble}) for {case}")
    return "errors: 0" in output, int(STATES.search(output).group(1))


def main() -> int:
    for program in ("spin", "gcc"):
        if shutil.which(program) is None:
            sys.exit(f"model: `{program}` is missing; run scripts/install-dependencies --model")
    wrong = 0
    for case in CASES:
        n, t, corrupt, rule, signatures, wanted, macros, expected = case
        begun = time.monotonic()
        holds, states = verdict(case)
        wrong += holds != expected
        print(f"{'ok   ' if holds == expected else 'WRONG'} n={n} k={n - 1} t={t} c={corrupt} "
              f"step={('none', 'same', 'ack')[rule]}:{signatures} {macros or '-'}: {NAMES[wanted]} "
              f"{'holds' if holds else 'is violated'} ({states} states, {time.monotonic() - begun:.1f} s)",
              flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
