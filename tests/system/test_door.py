"""Strangers at a coordinator's door, in small numbers: what they get, and what its operator reads.

test_flood.py does it in large numbers and measures what it costs the fleet.
"""

import json
import pathlib
import subprocess
import sys
import unittest

import stranger
from sotto_process import Coordinator, SystemTest, wait_until, write_task

FLOOD = pathlib.Path(__file__).parent / "flood.py"
SOURCE = "127.0.0.66"  # the strangers', so that limits for an address do not hit whoever watches


class Flood:
    """One of the attacks as a process."""

    def __init__(self, coordinator, attack, **options):
        command = [sys.executable, str(FLOOD), attack, "--port", str(coordinator.port), "--ca",
                   str(coordinator.ca), "--source", SOURCE]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def report(self):
        """What it did, once it has ended."""
        text, _ = self.process.communicate(timeout=120)
        if self.process.returncode != 0:
            raise AssertionError(f"the attack failed with {self.process.returncode}")
        return json.loads(text)


class Strangers(SystemTest):
    def test_few_of_them_get_in_and_the_log_says_how_many_did_not(self):
        # Ten calls at once.
        options = ["--calls-per-second", 1, "--connections-per-address", 100]
        with Coordinator(self.folder / "coordinator", extra=options) as coordinator:
            coordinator.admin("task", "create", "--file", write_task(self.folder))
            calling = [Flood(coordinator, attack, seconds=0.3, callers=8)
                       for attack in ("check-ins", "fetchers")]
            check_ins, fetchers = (each.report()["counts"] for each in calling)
            let_in = sum(check_ins.values()) - check_ins["turned away at the door"]
            self.assertLessEqual(let_in, 14, check_ins)
            self.assertNotIn("plans", check_ins)
            self.assertNotIn("chunks", fetchers)
            self.assertGreaterEqual(fetchers["refused"], 36, fetchers)
            half_open = Flood(coordinator, "half-open", count=150, seconds=0.3).report()["counts"]
            self.assertGreater(half_open["closed early"], 0, half_open)
            idle = Flood(coordinator, "idle", count=30, seconds=0.3).report()["counts"]
            self.assertEqual(idle["opened"] + idle["refused"], 30, idle)
            wait_until(lambda: f"of them from {SOURCE}: their addresses made more than" in
                       coordinator.log_text(), what="the line about calls")
            wait_until(lambda: f"of them from {SOURCE}: their addresses had too many" in
                       coordinator.log_text(), what="the line about connections")
            # Another address is served all the while.
            other = stranger.Stranger(coordinator.port, stranger.client_context(coordinator.ca))
            answer = other.call("CheckIn", stranger.check_in_request("somebody-else"))
            self.assertNotIn("too many", stranger.reads_window(answer) or "")
            other.close()
            self.assertIsNone(coordinator.process.poll())


if __name__ == "__main__":
    unittest.main()
