#!/usr/bin/env python3
"""A coordinator and devices written from PROTOCOL.md, not all of them honest, against a real `sotto helper`.

test_mask_helper.py SOTTO [unittest argument...]
"""
import os
import pathlib
import shutil
import signal
import sys
import time
import unittest
from dataclasses import replace

if len(sys.argv) < 2:
    sys.exit(__doc__)
os.environ["SOTTO_BINARY"] = sys.argv.pop(1)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixed_sessions import PLAN
from grpc_call import call
from protobuf_fields import fields, length_delimited
from sotto_identity import COORDINATOR, DEVICE, Identity, Terms, endorse, plan_message
from sotto_one_shot import helper_request, one_shot_message, plan_bytes, request_message, sum_of_masks
from sotto_plan import ONE_SHOT
from sotto_primitives import SigningKey, public_key
from sotto_process import MaskHelper, SystemTest, run_ok, wait_until
from sotto_vector import Ring

AUTHORITY = SigningKey(1 << 200 | 7)
FINAL, NOT_YET, BEFORE_START = 0, 1, 2
NOT_ASKED = "the set is not signed by the coordinator that signed the plan"


def enrolled(number, role=DEVICE):
    now = int(time.time())
    key = SigningKey(1 << 201 | number)
    terms = Terms(name=f"{role} {number}", issued_at=now - 1000, expires_at=now + 100_000)
    return Identity(key, endorse(AUTHORITY, role, key.public, terms), AUTHORITY.public)


class Fleet:
    """Five devices that have sent their message for a plan, and its coordinator."""

    def __init__(self, helpers, issued_at, round=9):
        """The first of the helpers, of whom there are one or two, is the one that is asked."""
        self.helpers = helpers
        self.plan = replace(PLAN, aggregation=ONE_SHOT, round=round, issued_at=issued_at,
                            not_after=issued_at + 3600)
        self.plan_data = plan_bytes(self.plan, *helpers)
        self.coordinator = enrolled(1000, COORDINATOR)
        self.devices = [enrolled(number) for number in range(5)]
        self.sent = [one_shot_message(self.plan, helpers, device, list(os.urandom(26)), {
            "blind": os.urandom(32), "mask_seeds": [os.urandom(32) for _ in helpers],
            "ephemerals": [os.urandom(32) for _ in helpers]}, check_key=bytes(32)) for device in self.devices]

    def masks(self, numbers):
        chosen = sorted((self.sent[number] for number in numbers), key=lambda sent: sent["identity"])
        return [sent["sealed_mask"] for sent in chosen]

    def request(self, numbers, asker=None):
        masks = self.masks(numbers)
        message = request_message(self.helpers[0], self.plan_data, masks)
        signature = (asker or self.coordinator).key.sign(message)
        credential = self.coordinator.credential(plan_message(self.plan_data))
        return helper_request(credential, signature, self.plan_data, masks, helpers=len(self.helpers))

    def sum_of_masks(self, numbers):
        return sum_of_masks(self.plan, [self.sent[number]["masks"][0] for number in numbers])


class AHelper(SystemTest):
    def setUp(self):
        super().setUp()
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), AUTHORITY.public)
        authority = self.folder / "authority.pem"
        authority.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        run_ok("helper", "init", "--data-dir", self.folder / "helper")
        self.helper = MaskHelper(self.folder / "helper", authority)
        self.helper.start()
        self.addCleanup(lambda: self.helper.process.poll() is None and self.helper.end())
        self.public = bytes.fromhex(self.helper.public_key.read_text().strip())

    def fleet(self, **settings):
        return Fleet([self.public], int(time.time()), **settings)

    def ask(self, request):
        return fields(call(self.helper.address, self.helper.ca, "/sotto.v1.MaskHelper/SumMasks",
                           length_delimited(1, request)))

    def state(self):
        return fields(call(self.helper.address, self.helper.ca, "/sotto.v1.MaskHelper/GetState", b""))

    def assert_sum(self, fleet, numbers):
        self.assertEqual(self.ask(fleet.request(numbers)), {1: fleet.sum_of_masks(numbers)})

    def assert_helper_refuses(self, request, words, kind=FINAL):
        answer = self.ask(request)
        self.assertEqual(list(answer), [2], answer)
        refusal = fields(answer[2])
        self.assertIn(words, refusal[1].decode())
        self.assertEqual(refusal.get(3, FINAL), kind)
        self.assertIn(f"refused: {refusal[1].decode()}", self.helper.log_text())

    def test_answers_one_set_for_each_plan(self):
        fleet = self.fleet()
        self.assert_sum(fleet, (0, 1, 2, 4))
        self.assert_helper_refuses(fleet.request((0, 1, 2)), "another set of devices was answered")
        self.assert_sum(fleet, (0, 1, 2, 4))

    def test_lets_no_device_spend_a_plan_before_its_coordinator_asks(self):
        fleet = self.fleet()
        self.assert_helper_refuses(fleet.request((0, 1, 2), asker=fleet.devices[0]), NOT_ASKED)
        self.assert_helper_refuses(fleet.request((0, 1, 2), asker=enrolled(1001, COORDINATOR)), NOT_ASKED)
        wanted, other = fleet.request((0, 1, 2, 3, 4)), fleet.request((0, 1, 2))
        self.assert_helper_refuses(other[:235] + wanted[235:299] + other[299:], NOT_ASKED)  # replayed
        self.assert_sum(fleet, (0, 1, 2, 3, 4))

    def test_answers_nothing_twice_when_its_record_is_set_back(self):
        files = [self.folder / "helper" / name for name in ("answered.db", "answered.db.step")]
        for file in files:
            shutil.copy(file, self.folder)
        fleet = self.fleet()
        self.assert_sum(fleet, (0, 1, 2, 3, 4))
        self.helper.end()
        for file in files:  # one alone would be noticed
            shutil.copy(self.folder / file.name, file)
        self.helper.start()
        self.assertIn("plans that were signed before are refused, so rounds that were under way are lost",
                      self.helper.log_text())
        for numbers in ((0, 1, 2), (0, 1, 2, 3, 4)):
            self.assert_helper_refuses(fleet.request(numbers), "before this helper's start", BEFORE_START)
        self.assert_sum(self.fleet(round=10), (0, 1, 2))

    def test_gives_out_checked_masks_of_its_own_seeds_when_a_plan_names_two_helpers(self):
        other = public_key(os.urandom(32))
        fleet = Fleet([self.public, other], int(time.time()))
        self.assert_sum(fleet, (0, 1, 2, 4))
        self.assertEqual(len(fleet.sum_of_masks((0, 1))), 8 * 27)
        self.assert_helper_refuses(fleet.request((0, 1, 2)), "another set of devices was answered")
        stranger = Fleet([other, public_key(os.urandom(32))], int(time.time()), round=10)
        stranger_request = stranger.request((0, 1, 2))
        self.assert_helper_refuses(stranger_request, "the plan names another helper's key")

    def test_waits_for_a_plans_time(self):
        early = Fleet([self.public], int(time.time()) + 100)
        self.assert_helper_refuses(early.request((0, 1, 2)), "is yet to come here", NOT_YET)
        far = Fleet([self.public], int(time.time()) + 4000)
        self.assert_helper_refuses(far.request((0, 1, 2)), "set the clocks")

    def test_says_that_it_stops_and_answers_on_until_a_second_signal(self):
        self.helper.end()
        self.helper.drain_seconds = 600
        self.helper.start()
        self.assertEqual(self.state(), {2: self.public})
        fleet = self.fleet()
        self.helper.process.send_signal(signal.SIGTERM)
        wait_until(lambda: self.state() == {1: 1, 2: self.public}, what="the helper to say that it stops")
        self.assertIn("draining: coordinators begin no new rounds", self.helper.log_text())
        self.assert_sum(fleet, (0, 1, 2, 3))
        self.helper.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.helper.process.wait(timeout=20), 0)
        self.helper.end()

    def test_ends_by_itself_when_it_has_drained(self):
        self.helper.end()
        self.helper.drain_seconds = 1
        self.helper.start()
        self.helper.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.helper.process.wait(timeout=20), 0)
        self.helper.end()


if __name__ == "__main__":
    unittest.main()
