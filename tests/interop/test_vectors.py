#!/usr/bin/env python3
"""The Python participant refuses every committed case that must be refused, with the reason given.

test_vectors.py VECTORS [unittest argument...]
"""
import json
import pathlib
import sys
import unittest

try:
    import cryptography  # noqa: F401  asked for here, so that its absence is one clear sentence
except ImportError:
    sys.exit("vectors: the Python package 'cryptography' is missing; run scripts/install-dependencies "
             "(Debian: python3-cryptography)")

from fixed_sessions import participant_with
from sotto_plan import decode_plan
from sotto_primitives import Refused
from sotto_session import shamir_combine

VECTORS = None
WRONG_PHASE = 3
SECRETS = ("channel_private", "mask_seed", "self_seed", "self_coefficient_key", "mask_coefficient_key")


def read(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def take_step(participant, step, recorded):
    """The answer to the recorded message of one step."""
    message = {"share": "roster", "collect": "delivery", "unmask": "request"}
    received = bytes.fromhex(recorded[message[step]])
    if step == "share":
        return participant.share(received)
    if step == "collect":
        return participant.collect(received, bytes.fromhex(recorded["vector"]))
    return participant.unmask(received)


def play(case, recorded):
    """(reason, participant) after the case's step; reason 0 when it is accepted."""
    messages = recorded | {name: case[name] for name in ("plan", "roster", "delivery", "request") if name in case}
    secrets = {name: bytes.fromhex(recorded[name]) for name in SECRETS}
    participant = participant_with(decode_plan(bytes.fromhex(messages["plan"])), secrets, case.get("own_minimum", 3))
    participant.advertise()
    last = case["step"].removesuffix(" again")
    steps = ["share", "collect", "unmask"]
    before = [step for step in steps[:steps.index(last)] if step not in case.get("skip", [])]
    if case["step"].endswith(" again"):
        before.append(last)
    for step in before:
        take_step(participant, step, messages)
    try:
        take_step(participant, last, messages)
    except Refused as refused:
        return refused.reason, participant
    return 0, participant


class Refusals(unittest.TestCase):
    def test_every_refusal_has_its_reason(self):
        sessions = {recorded["name"]: recorded for recorded in read("session")["cases"]}
        cases = read("refusal")["cases"]
        self.assertEqual({case["reason"] for case in cases}, {0, 1, 2, 3, 8, 9, 10, 11, 12, 13})
        for case in cases:
            with self.subTest(case["why"], step=case["step"]):
                reason, participant = play(case, sessions[case["session"]])
                self.assertEqual(reason, case["reason"])
                if reason != 0:
                    with self.assertRaises(Refused) as again:
                        take_step(participant, "unmask", sessions[case["session"]])
                    self.assertEqual(again.exception.reason, WRONG_PHASE)

    def test_plans_out_of_range_are_turned_down(self):
        for case in read("plan")["refused"]:
            with self.subTest(case["why"]), self.assertRaises(ValueError):
                decode_plan(bytes.fromhex(case["bytes"]))

    def test_wrong_shares_open_nothing(self):
        for case in read("shamir")["refused"]:
            with self.subTest(case["why"]):
                self.assertIsNone(shamir_combine(dict(zip(case["holders"], map(bytes.fromhex, case["shares"])))))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    VECTORS = pathlib.Path(sys.argv.pop(1))
    unittest.main()
