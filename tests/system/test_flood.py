"""What a fleet at work notices of strangers in large numbers (label long).

The coordinator has one processor, its fleet and the attacker share another. A round rate under attack is
compared with that beside an attacker who burns the same processor time and sends nothing.
"""

import os
import pathlib
import subprocess
import time
import unittest

from sotto_process import BINARY, Coordinator, SystemTest, run, wait_until
from test_door import SOURCE, Flood as Attacker

SECONDS = 15
KEPT = 0.8           # of the rounds
RECOVERY_SECONDS = 5
# As many connections as an address may have, each with what TLS and HTTP/2 keep for it, and a fleet's share.
# The C library gives memory back late, so that a second attack finds some of the first one's.
PEAK_MB = 60 + 2000 * 0.12
ATTACKS = {
    # name -> bounds, and what the log says
    "check-ins": ({"count": 20_000, "seconds": 30}, "calls that show no session"),
    "fetchers": ({"seconds": SECONDS}, "calls that show no session"),
    "half-open": ({"count": 3000, "seconds": SECONDS}, "connections in"),
    "idle": ({"count": 3000, "seconds": SECONDS}, "connections in"),
}


class OneProcessor:
    """Programs that are started inside have only this processor."""

    def __init__(self, processor):
        self.processor = processor

    def __enter__(self):
        self.before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.processor})

    def __exit__(self, *unused):
        os.sched_setaffinity(0, self.before)


def resident_mb(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel tells no resident memory")


class Flood(SystemTest):
    def setUp(self):
        super().setUp()
        processors = sorted(os.sched_getaffinity(0))
        if len(processors) < 2:
            self.skipTest("there is one processor: coordinator and attacker need one each")
        self.servers, self.others = processors[:2]

    def rounds(self):
        tasks = self.coordinator.admin("task", "list")
        return sum(task["rounds_committed"] for task in tasks)

    def start_fleet(self):
        with OneProcessor(self.others):
            self.fleet_log = open(self.folder / "fleet.log", "wb")
            self.fleet = subprocess.Popen(
                [BINARY, "simulate", "motion", "--devices", "12", "--rounds", "100000", "--transport", "grpc",
                 "--coordinator", self.coordinator.address, "--ca", str(self.coordinator.ca), "--admin",
                 str(self.coordinator.socket), "--authority", str(self.coordinator.authority), "--threads",
                 "1", "--quiet"],
                stdout=self.fleet_log, stderr=subprocess.STDOUT)
        self.addCleanup(self.end_fleet)
        wait_until(lambda: self.fleet.poll() is not None or self.rounds() >= 5,
                   what="the fleet's first rounds")
        self.assertIsNone(self.fleet.poll(), (self.folder / "fleet.log").read_text())

    def end_fleet(self):
        if self.fleet.poll() is None:
            self.fleet.kill()
        self.fleet.wait(timeout=30)
        self.fleet_log.close()

    def beside(self, attack, **options):
        """Rounds a second while it runs, and what it reports."""
        with OneProcessor(self.others):
            attacker = Attacker(self.coordinator, attack, **options)
        before, began = self.rounds(), time.monotonic()
        peak = resident_mb(self.coordinator.process)
        while attacker.process.poll() is None:
            peak = max(peak, resident_mb(self.coordinator.process))
            time.sleep(0.25)
        after, ended = self.rounds(), time.monotonic()
        report = attacker.report()
        report["peak_mb"] = peak
        return (after - before) / (ended - began), report

    def recovery_seconds(self):
        """How long it takes until the next round is committed."""
        before, began = self.rounds(), time.monotonic()
        wait_until(lambda: self.rounds() > before, timeout=30, what="a round after the attack")
        return time.monotonic() - began

    def start_coordinator(self):
        with OneProcessor(self.servers):
            self.coordinator = Coordinator(self.folder / "coordinator").start()
        self.addCleanup(self.coordinator.end)

    def test_rounds_go_on_memory_is_bounded_and_the_log_names_each(self):
        self.start_coordinator()
        self.start_fleet()
        for name, (bounds, words) in ATTACKS.items():
            with self.subTest(name):
                begun = len(self.coordinator.log_text())
                _, first = self.beside(name, **bounds)
                attacked, report = self.beside(name, **bounds)
                recovery = self.recovery_seconds()
                share = min(1.0, report["cpu_seconds"] / report["seconds"])
                baseline, _ = self.beside("burn", seconds=SECONDS, share=share)
                print(f"\n{name}: {report['counts']} in {report['seconds']:.1f} s, {share:.0%} of a "
                      f"processor; {attacked:.2f} rounds a second, {baseline:.2f} beside the same burnt idle "
                      f"({attacked / baseline:.0%}); next round after {recovery:.1f} s; peak memory "
                      f"{first['peak_mb']:.0f} MB the first time, {report['peak_mb']:.0f} MB the second",
                      flush=True)
                self.assertGreaterEqual(attacked, KEPT * baseline)
                self.assertLess(recovery, RECOVERY_SECONDS)
                self.assertLess(max(first["peak_mb"], report["peak_mb"]), PEAK_MB)
                # There is a line for each kind a minute, and another attack may have had this one's.
                wait_until(lambda: words in self.coordinator.log_text()[begun:], timeout=70,
                           what=f"a line on {name}")
                self.assertIn(f"of them from {SOURCE}", self.coordinator.log_text()[begun:])
        self.assertIsNone(self.fleet.poll(), (self.folder / "fleet.log").read_text())


if __name__ == "__main__":
    unittest.main()
