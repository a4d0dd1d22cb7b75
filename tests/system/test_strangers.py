#!/usr/bin/env python3
"""Whoever is not a device of the fleet, or is one twice, as processes beside a fleet that goes on."""
import re
import shutil
import subprocess
import unittest

from sotto_process import BINARY, SMALL_FLEET, Coordinator, FleetTest, wait_until


class Strangers(FleetTest):
    def setUp(self):
        super().setUp()
        self.coordinator = Coordinator(self.folder / "coordinator").start()
        self.addCleanup(lambda: self.coordinator.process.poll() is None and self.coordinator.end())
        # A round that waits for somebody who does not come would last for as long as the test.
        self.create_task(self.coordinator, report_within_ms=60_000)

    def device(self, label, log, *options):
        """Another process that calls itself `label`."""
        path = self.folder / f"{log}.log"
        with path.open("wb") as output:
            process = subprocess.Popen(
                [BINARY, "device", "run", "--coordinator", self.coordinator.address, "--ca",
                 str(self.coordinator.ca), "--id", label, "--population", "wearables", "--data",
                 str(self.folder / "motion" / "wearer-1"), *SMALL_FLEET, *map(str, options)],
                stdout=output, stderr=subprocess.STDOUT)
        self.addCleanup(lambda: process.poll() is None and (process.terminate(), process.wait(timeout=30)))
        return process, path

    def rounds(self):
        return self.coordinator.admin("round", "list", "activity")

    def wait_for_rounds(self, count):
        begun = len(self.rounds())
        wait_until(lambda: len(self.rounds()) >= begun + count, timeout=60, what=f"{count} more rounds")

    def lines(self, pattern):
        return [line for line in self.coordinator.log_text().splitlines() if re.search(pattern, line)]

    def test_a_device_without_an_identity_is_told_and_holds_nobody_up(self):
        self.fleet(self.coordinator)
        strangers = [self.device(f"device-{i % 3}", f"stranger-{i}") for i in range(6)]
        for process, log in strangers:
            self.assertEqual(process.wait(timeout=60), 5, log.read_text())
            self.assertIn("takes enrolled devices only", log.read_text())
        self.wait_for_rounds(3)
        self.assertEqual({entry["outcome"] for entry in self.rounds()}, {"committed"})

    def test_a_copy_of_a_device_is_stopped_and_named_once(self):
        self.fleet(self.coordinator)
        copied = shutil.copy(self.coordinator.enroll("device-0"), self.folder / "copied.pem")
        process, log = self.device("device-0", "copy", "--identity", copied)
        wait_until(lambda: self.lines("device 'device-0' takes part from .* two devices share its identity"),
                   what="the operator's warning")
        self.wait_for_rounds(5)
        self.assertEqual(len(self.lines("two devices share its identity")), 1)
        self.assertIsNone(process.poll(), log.read_text())
        abandoned = [entry for entry in self.rounds() if entry["outcome"] != "committed"]
        self.assertLess(len(abandoned), len(self.rounds()) / 2, self.coordinator.log_text())

    def test_two_devices_with_one_label_both_take_part_and_are_named_once(self):
        self.fleet(self.coordinator, count=2)
        process, log = self.device("device-0", "namesake", "--identity", self.coordinator.enroll("third"))
        self.wait_for_rounds(3)
        self.assertIn("counted: round", log.read_text())
        self.assertIsNone(process.poll())
        self.assertEqual({entry["outcome"] for entry in self.rounds()}, {"committed"})
        self.assertEqual(len(self.lines("two devices call themselves 'device-0'")), 1)


if __name__ == "__main__":
    unittest.main()
