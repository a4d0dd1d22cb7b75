"""One-shot tasks with two mask helpers, neither of whom learns anything alone (label long)."""

import unittest

from sotto_process import CoordinatorOfAnAuthorityElsewhere, run, wait_until
from test_one_shot import DEVICES, OneShotFleet


class TwoHelpers(OneShotFleet):
    helpers = ("one", "two")

    def test_a_round_is_replaced_when_one_of_them_restarts_in_it(self):
        one, two = self.mask_helpers
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            two.end()
            self.send_and_sleep(coordinator)  # one of them answers; the other is asked again and again
            two.start()
            lost = self.round(coordinator, 1)
            self.assertEqual(lost["outcome"], "abandoned")
            self.assertIn(f"helper {two.address} refused: the plan was signed at", lost["reason"])
            self.assertIn("gave out the sum of a set's masks", one.log_text())
            wait_until(lambda: "is replaced by a new one at once" in coordinator.log_text(),
                       what="the replacement")
            self.send_and_sleep(coordinator)
            record = self.round(coordinator, 2)
            self.assertEqual((record["outcome"], record["collected"]), ("committed", DEVICES), record)

    def test_no_round_begins_while_either_of_them_drains(self):
        for helper in self.mask_helpers:
            helper.end()
            helper.drain_seconds = 600
            helper.start()
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            for helper in reversed(self.mask_helpers):
                notices = coordinator.log_text().count("mask helper is about to stop")
                helper.process.terminate()
                wait_until(lambda: coordinator.log_text().count("mask helper is about to stop") > notices,
                           what="the notice")
                self.assertIn("the mask helper to be back",
                              coordinator.admin("task", "show", "activity")["waiting_for"])
                helper.end()  # a second signal
                helper.drain_seconds = 0
                backs = coordinator.log_text().count("the mask helper is back")
                helper.start()
                wait_until(lambda: coordinator.log_text().count("the mask helper is back") > backs,
                           what="the helper to be back")


class OneShotOfTwoHelpers(OneShotFleet):
    helpers = ("one", "two")

    def test_rounds_are_committed_although_each_helper_restarts_in_between(self):
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            for number, helper in enumerate(self.mask_helpers, start=1):
                self.send_and_sleep(coordinator)
                record = self.round(coordinator, number)
                self.assertEqual((record["outcome"], record["collected"]), ("committed", DEVICES), record)
                self.assertIn("gave out the sum of a set's masks", helper.log_text())
                helper.end()
                helper.start()

    def test_devices_take_no_plan_with_fewer_helpers_than_their_owners_ask_for(self):
        both, self.mask_helpers = self.mask_helpers, self.mask_helpers[:1]
        with self.coordinator() as coordinator:  # somebody has left one of them out
            self.create_task(coordinator)
            self.mask_helpers = both
            device = self.devices(coordinator, self.helper_keys())[0]
            wait_until(lambda: "this device's owner asks for two" in device.log_text(), what="the refusal")
            self.assertEqual(coordinator.admin("round", "list", "activity"), [])

    def test_exchanged_keys_are_found_before_a_device_gives_anything(self):
        one, two = self.mask_helpers
        helpers = [str(word) for helper, other in ((one, two), (two, one)) for word in (
            "--helper", helper.address, "--helper-key", other.public_key, "--helper-ca", helper.ca)]
        coordinator = CoordinatorOfAnAuthorityElsewhere(self.folder / "coordinator", extra=[
            "--authority", str(self.authority / "authority.pem"), "--plan-endorsement",
            str(self.folder / "endorsement.pem"), *helpers])
        with coordinator:
            self.create_task(coordinator)
            self.assertIn("one-shot tasks wait for the mask helper", coordinator.log_text())
            said = coordinator.admin("task", "show", "activity")["waiting_for"]
            self.assertIn(f"{one.address}, whose key is {one.public_key} and not {two.public_key}", said)
            self.assertIn("the two keys are exchanged", said)
            device = self.devices(coordinator, self.helper_keys())[0]
            wait_until(lambda: "the two keys are exchanged" in device.log_text(), what="the sentence")
            self.assertEqual(coordinator.admin("round", "list", "activity"), [])

    def test_a_helper_that_does_not_run_is_waited_for_before_a_device_gives_anything(self):
        two = self.mask_helpers[1]
        two.end()
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            said = coordinator.admin("task", "show", "activity")["waiting_for"]
            self.assertIn(f"the mask helper at {two.address}, which cannot be reached", said)
            two.start()
            self.send_and_sleep(coordinator)
            self.assertEqual(self.round(coordinator, 1)["outcome"], "committed")

    def test_two_helpers_have_keys_of_their_own(self):
        self.mask_helpers[1] = self.mask_helpers[0]
        coordinator = self.coordinator()
        with self.assertRaisesRegex(AssertionError, "the other mask helper's key, too"):
            coordinator.start()
        coordinator.log.close()
        key = self.helper.public_key
        self.assert_refused(
            run("device", "run", "--coordinator", "127.0.0.1:1", "--ca", self.helper.ca, "--id", "watch",
                "--data", self.examples()[0], "--population", "wearables", "--helper-key", key,
                "--helper-key", key), 2, "the mask helpers' keys are the same")

    def test_each_helper_has_an_address_a_key_and_a_ca(self):
        serve = ("serve", "--data-dir", self.folder / "coordinator", "--local-authority")
        key, ca = self.helper.public_key, self.helper.ca
        self.assert_refused(run(*serve, "--helper", "a:1", "--helper", "b:2", "--helper-key", key,
                                "--helper-ca", ca), 2, "each mask helper has a --helper, a --helper-key")
        keys = [one.public_key for one in self.mask_helpers] + [key]
        self.assert_refused(run(*serve, *(word for one in keys for word in (
            "--helper", "a:1", "--helper-key", one, "--helper-ca", ca))), 2, "more mask helpers than two")
        self.assert_refused(run(*serve, "--helper", "a", "--helper-key", key, "--helper-ca", ca), 2,
                            "--helper", "HOST:PORT")
        self.assert_refused(run(*serve, "--helper", "a:1", "--helper-key", "k", "--helper-ca", ca), 2,
                            "--helper-key", "there is no file k")


if __name__ == "__main__":
    unittest.main()
