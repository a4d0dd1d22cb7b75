"""One-shot tasks: devices that send one message, a coordinator, and a helper that another party runs."""

import shutil
import unittest

from sotto_process import (Coordinator, CoordinatorOfAnAuthorityElsewhere, Device, MaskHelper, SystemTest,
                           run, run_ok, wait_until, write_task)

DEVICES = 4


class OneShotFleet(SystemTest):
    """Devices, and an authority that is kept elsewhere. `helpers`: their folders."""
    helpers = ("helper",)

    def setUp(self):
        super().setUp()
        self.authority = self.folder / "authority"
        run_ok("authority", "create", "--authority", self.authority)
        run_ok("authority", "enroll", "coordinator", "--coordinator", "--authority", self.authority, "-o",
               self.folder / "endorsement.pem")
        self.mask_helpers = [self.start_helper(name) for name in self.helpers]
        self.helper = self.mask_helpers[0]
        run_ok("dataset", "export", "motion", self.folder / "motion", "--devices", DEVICES, "--seed", 3)

    def start_helper(self, name):
        run_ok("helper", "init", "--data-dir", self.folder / name)
        helper = MaskHelper(self.folder / name, self.authority / "authority.pem").start()
        self.addCleanup(lambda: helper.process.poll() is None and helper.end())
        return helper

    def helper_keys(self):
        return [word for helper in self.mask_helpers for word in ("--helper-key", helper.public_key)]

    def coordinator(self):
        """Its authority is kept elsewhere; the helpers pin the same one."""
        asks = [str(word) for helper in self.mask_helpers for word in (
            "--helper", helper.address, "--helper-key", helper.public_key, "--helper-ca", helper.ca)]
        return CoordinatorOfAnAuthorityElsewhere(self.folder / "coordinator", extra=[
            "--authority", str(self.authority / "authority.pem"), "--plan-endorsement",
            str(self.folder / "endorsement.pem"), *asks])

    def examples(self):
        return sorted(p for p in (self.folder / "motion").iterdir() if p.name != "test" and p.is_dir())

    def devices(self, coordinator, extra):
        devices = [Device(coordinator, f"watch-{i}", folder, extra)
                   for i, folder in enumerate(self.examples()[:DEVICES])]
        for device in devices:
            self.addCleanup(device.end)
        return devices

    def send_and_sleep(self, coordinator):
        """Every device sends its message and ends, long before anybody knows the sum."""
        for device in self.devices(coordinator, [*self.helper_keys(), "--rounds", 1]):
            self.assertEqual(device.process.wait(timeout=60), 0, device.log_text())

    def round(self, coordinator, number):
        return wait_until(lambda: (rounds := coordinator.admin("round", "list", "activity"))
                          and len(rounds) == number and
                          rounds[0], what=f"round {number}")

    def create_task(self, coordinator):
        task = write_task(self.folder, kind="one_shot", rounds=2, participants=DEVICES, participants_min=3)
        coordinator.admin("task", "create", "--file", task)


class OneShot(OneShotFleet):
    def test_the_model_is_committed_although_devices_sleep_and_the_helper_restarts(self):
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            for number in (1, 2):
                self.send_and_sleep(coordinator)
                record = self.round(coordinator, number)
                self.assertEqual(record["outcome"], "committed", record)
                self.assertEqual(record["collected"], DEVICES)
                self.helper.end()
                self.helper.start()

    def test_a_round_is_replaced_when_the_helper_restarts_with_a_record_of_before(self):
        record = self.folder / "helper" / "answered.db"
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            self.helper.end()
            copy = self.folder / "copy.db"
            shutil.copy(record, copy)
            self.send_and_sleep(coordinator)  # the coordinator finds nobody to ask, and goes on asking
            shutil.copy(copy, record)
            self.helper.start()
            lost = self.round(coordinator, 1)
            self.assertEqual(lost["outcome"], "abandoned")
            self.assertIn("before this helper's start", lost["reason"])
            self.assertIn("refused: the plan was signed at", self.helper.log_text())
            replaced = ("round 1 is replaced by a new one at once: it was lost because the mask helper has "
                        "started anew")
            wait_until(lambda: replaced in coordinator.log_text(), what="the replacement")
            self.send_and_sleep(coordinator)  # their ledgers know the lost vectors
            record = self.round(coordinator, 2)
            self.assertEqual((record["outcome"], record["collected"]), ("committed", DEVICES), record)

    def test_no_round_begins_while_the_helper_drains(self):
        self.helper.end()
        self.helper.drain_seconds = 600
        self.helper.start()
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            self.helper.process.terminate()
            wait_until(lambda: "mask helper is about to stop" in coordinator.log_text(), what="the notice")
            self.assertIn("draining", self.helper.log_text())
            status = coordinator.admin("task", "show", "activity")
            self.assertIn("the mask helper to be back", status["waiting_for"])
            device = self.devices(coordinator, [*self.helper_keys(), "--rounds", 1])[0]
            wait_until(lambda: "mask helper to be back" in device.log_text(), what="the device's sentence")
            self.assertEqual(coordinator.admin("round", "list", "activity"), [])
            self.assertEqual(self.helper.process.wait(timeout=20), 0, "no round is under way")
            self.helper.end()
            self.helper.drain_seconds = 0
            self.helper.start()
            record = self.round(coordinator, 1)
            self.assertEqual((record["outcome"], record["collected"]), ("committed", DEVICES), record)
            self.assertIn("the mask helper is back", coordinator.log_text())

    def test_a_round_is_abandoned_with_the_reason_when_the_helper_refuses(self):
        self.helper.end()
        self.helper.extra = ["--cohort-min", 100]
        self.helper.start()
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            self.send_and_sleep(coordinator)
            record = self.round(coordinator, 1)
            self.assertEqual(record["outcome"], "abandoned")
            self.assertIn("the helper refused: the set has 4 devices; for this plan it must have 100",
                          record["reason"])

    def test_devices_that_trust_no_helper_stay_away(self):
        with self.coordinator() as coordinator:
            self.create_task(coordinator)
            device = self.devices(coordinator, [])[0]
            wait_until(lambda: "trusts no mask helper" in device.log_text(), what="the refusal")

    def test_a_coordinator_without_a_helper_takes_no_such_task(self):
        with Coordinator(self.folder / "alone") as alone:
            task = write_task(self.folder, kind="one_shot")
            self.assert_refused(run("task", "create", "--file", task, "--data-dir", alone.data_dir), 1,
                                "--helper")

    def test_a_helper_is_not_made_twice_nor_served_without_its_record(self):
        self.helper.end()
        data_dir = self.helper.data_dir
        self.assert_refused(run("helper", "init", "--data-dir", data_dir), 1, "holds a helper's key")
        (data_dir / "answered.db").unlink()
        self.assert_refused(
            run("helper", "serve", "--data-dir", data_dir, "--authority", self.authority / "authority.pem",
                "--listen", "127.0.0.1:0"), 1, "answered.db", "cannot know what it has answered")


if __name__ == "__main__":
    unittest.main()
