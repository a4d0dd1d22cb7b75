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
import sotto_bulletin
from sotto_identity import Identity, Trust, check_credential
from sotto_plan import SEMI_MALICIOUS, decode_plan
from sotto_primitives import Refused
from sotto_session import shamir_combine

VECTORS = None
WRONG_PHASE = 3
MESSAGES = ("plan", "roster", "delivery", "survivors", "request")
SECRETS = ("channel_private", "mask_seed", "self_seed", "self_coefficient_key", "mask_coefficient_key")


def read(name):
    """A file stands in the folder of the version of the protocol from which on it holds."""
    newest = max(VECTORS.glob(f"v*/{name}.json"))
    return json.loads(newest.read_text())


class RecordedKey:
    """Signs nothing: a device's own signatures are not its to check."""

    def __init__(self, public):
        self.public = public

    def sign(self, _):
        return bytes(64)


def take_step(participant, step, recorded):
    """The answer to the recorded message of one step."""
    message = {"share": "roster", "collect": "delivery", "confirm": "survivors", "unmask": "request"}
    received = bytes.fromhex(recorded[message[step]])
    if step == "collect":
        return participant.collect(received, bytes.fromhex(recorded["vector"]))
    return getattr(participant, step)(received)


def taken_back(case):
    return case.get("endorsements_from", 0), frozenset(map(bytes.fromhex, case.get("revoked", ())))


def play(case, recorded):
    """(reason, participant) after the case's step; reason 0 when it is accepted."""
    messages = recorded | {name: case[name] for name in MESSAGES if name in case}
    secrets = {name: bytes.fromhex(recorded[name]) for name in SECRETS}
    plan = decode_plan(bytes.fromhex(messages["plan"]))
    identity = None
    steps = ["share", "collect", "unmask"]
    if plan.adversary == SEMI_MALICIOUS:
        steps.insert(2, "confirm")
        key = RecordedKey(bytes.fromhex(recorded["public_key"]))
        identity = Identity(key, *(bytes.fromhex(recorded[name]) for name in ("endorsement", "authority")),
                            *taken_back(case))
    participant = participant_with(plan, secrets, case.get("own_minimum", 3), identity, case.get("now", 0))
    participant.advertise()
    last = case["step"].removesuffix(" again")
    before = [step for step in steps[:steps.index(last)] if step not in case.get("skip", [])]
    if case["step"].endswith(" again"):
        for step in before + [last]:
            take_step(participant, step, recorded)
        before = []
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
        self.assertEqual({case["reason"] for case in cases}, {0, 1, 2, 3, 8, 9, 10, 11, 13, 16, 17, 18})
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

    def test_credentials_that_do_not_hold_are_refused(self):
        def check(case):
            fields = (bytes.fromhex(case[name]) for name in ("credential", "authority", "message"))
            credential, authority, message = fields
            endorsements_from, revoked = taken_back(case)
            trust = Trust(authority, endorsements_from=endorsements_from, revoked=revoked)
            return check_credential(credential, case["role"], trust, message, case.get("now", 0))

        for case in read("identity")["cases"]:
            self.assertEqual(check(case).hex(), case["credential"][:130])
        for case in read("identity")["refused"]:
            with self.subTest(case["why"]), self.assertRaises(Refused) as refused:
                check(case)
            self.assertEqual(refused.exception.reason, case["reason"])

    def test_bulletins_are_taken_or_not(self):
        def play_bulletins(case):
            trust, known = Trust(bytes.fromhex(case["pinned"])), None
            for message in case["bulletins"]:
                trust, known = sotto_bulletin.take(bytes.fromhex(message), trust, known)
            return trust, known

        for case in read("bulletin")["cases"]:
            trust, known = play_bulletins(case)
            self.assertEqual((trust.authority.hex(), trust.since, known[0]),
                             (case["authority"], case["authority_since"], case["edition"]))
        for case in read("bulletin")["refused"]:
            with self.subTest(case["why"]), self.assertRaises(sotto_bulletin.NotTaken) as refused:
                play_bulletins(case)
            self.assertEqual(refused.exception.verdict, case["verdict"])

    def test_wrong_shares_open_nothing(self):
        for case in read("shamir")["refused"]:
            with self.subTest(case["why"]):
                self.assertIsNone(shamir_combine(dict(zip(case["holders"],
                                                          map(bytes.fromhex, case["shares"])))))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    VECTORS = pathlib.Path(sys.argv.pop(1))
    unittest.main()
