"""Fleets of real processes whose rounds go on: a device that fails and is restarted, tasks that share too few
devices, an id that is given twice.
"""

import subprocess
import time

from sotto_process import (BINARY, SMALL_FLEET, Coordinator, Device, FleetTest, run_ok, wait_until,
                           write_task)


class RoundsGoOn(FleetTest):
    def task(self, coordinator, name):
        return coordinator.admin("task", "show", name)

    def create(self, coordinator, **changes):
        settings = {"rounds": 1000, "phase_deadline_ms": 5000, "report_within_ms": 600_000,
                    "patience": 2.0} | changes
        return coordinator.admin("task", "create", "--file", write_task(self.folder, **settings))

    def labels_from_one(self, source):
        """A copy of a folder of examples whose labels are one too large: its training fails."""
        copy = self.folder / "labels-from-1"
        copy.mkdir()
        (copy / "x.npy").write_bytes((source / "x.npy").read_bytes())
        labels = bytearray((source / "y.npy").read_bytes())
        header = 10 + int.from_bytes(labels[8:10], "little")
        width = int(labels[:header].split(b"descr")[1].split(b"'")[2][2:])
        for place in range(header, len(labels), width):
            labels[place] += 1
        (copy / "y.npy").write_bytes(labels)
        return copy

    def test_a_failing_device_sinks_no_round_and_is_named_with_its_reason(self):
        with Coordinator(self.folder / "data") as coordinator:
            self.create(coordinator, participants=5, participants_min=5)
            self.fleet(coordinator, count=5)
            broken = self.labels_from_one(self.folder / "motion" / "wearer-1")
            until = time.monotonic() + 12
            starts = 0
            while time.monotonic() < until:
                device = Device(coordinator, "broken", broken, ["--rounds", "1"])
                try:
                    device.process.wait(timeout=max(0.1, until - time.monotonic()))
                except subprocess.TimeoutExpired:
                    pass
                device.end()
                starts += 1
            task = self.task(coordinator, "activity")
            self.assertEqual(task["rounds_abandoned"], 0, coordinator.log_text())
            self.assertGreater(task["rounds_committed"], 5)
            log = coordinator.log_text()
            self.assertGreater(starts, 1)
            self.assertEqual(log.count("device 'broken' left and gave nothing"), 1, log)
            self.assertRegex(log, "example [0-9]+ has label 6, the model has classes 0 to 5")

    def test_two_tasks_share_four_devices_and_one_that_needs_fifty_waits(self):
        with Coordinator(self.folder / "data") as coordinator:
            for name, count in (("large", 50), ("first", 3), ("second", 3)):
                self.create(coordinator, name=name, participants=count, participants_min=count)
            self.fleet(coordinator, count=4)
            for name in ("first", "second"):
                wait_until(lambda name=name: self.task(coordinator, name)["rounds_committed"] >= 5,
                           what=f"five rounds of {name}")
            large = self.task(coordinator, "large")
            self.assertEqual(large["rounds_committed"], 0)
            self.assertIn("needs 50 devices; 4 have been seen lately", large["waiting_for"])
            self.assertIn("needs 50 devices", run_ok("task", "list", "--data-dir", coordinator.data_dir))

    def test_an_id_that_two_devices_share_sinks_no_round_and_is_named(self):
        with Coordinator(self.folder / "data") as coordinator:
            self.create(coordinator, participants=5, participants_min=3, report_within_ms=8000)
            self.fleet(coordinator, count=5)
            copy = subprocess.Popen(
                [BINARY, "device", "run", "--coordinator", coordinator.address, "--ca", str(coordinator.ca),
                 "--identity", str(coordinator.enroll("copy")), "--id", "device-0", "--population",
                 "wearables", "--data", str(self.folder / "motion" / "wearer-1"), "--quiet", *SMALL_FLEET],
                stdout=subprocess.DEVNULL)
            self.addCleanup(copy.wait)
            self.addCleanup(copy.terminate)
            wait_until(lambda: self.task(coordinator, "activity")["rounds_committed"] >= 8, what="8 rounds")
            self.assertEqual(self.task(coordinator, "activity")["rounds_abandoned"], 0)
            self.assertIn("two devices call themselves 'device-0'", coordinator.log_text())


if __name__ == "__main__":
    import unittest
    unittest.main()
