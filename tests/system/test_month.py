#!/usr/bin/env python3
"""A month of a fleet in fast motion: thirty devices, three tasks, a thousand rounds, and what goes wrong in
such a time. Prints a table of what happened; a seed replays the script's own choices:

    SOTTO_MONTH_SEED=7 SOTTO_BINARY=build/release/bin/sotto python3 tests/system/test_month.py
"""
import collections
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time
import unittest

from sotto_process import Coordinator, Device, SystemTest, run_ok, wait_until, write_task

SEED = int(os.environ.get("SOTTO_MONTH_SEED", "2026"))
ROUNDS = int(os.environ.get("SOTTO_MONTH_ROUNDS", "1000"))
KILLS = int(os.environ.get("SOTTO_MONTH_KILLS", "100"))
SECONDS = int(os.environ.get("SOTTO_MONTH_SECONDS", "900"))
DEVICES = 30
TASKS = {
    "walking": {"kind": "secure"},
    "resting": {"kind": "plain"},
    "turning": {"kind": "secure", "prg": "aes-128-ctr"},
}
DISK_BYTES = 64 * 2**20


class Disk:
    """A file system of its own for the coordinator, so that filling it harms nobody else. Needs root."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.filler = self.folder / "filler"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)],
                                 capture_output=True, check=False)
        self.mounted = mounted.returncode == 0

    def fill(self):
        with self.filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass

    def enlarge(self):
        self.filler.unlink()

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


class Month(SystemTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.events = collections.Counter()
        self.disk = Disk(self.folder / "disk")
        self.addCleanup(self.disk.close)
        self.coordinator = Coordinator(self.disk.folder / "coordinator")
        self.coordinator.log_path = self.folder / "coordinator.log"
        self.devices = {}
        self.extras = []
        self.addCleanup(self.end_everything)

    def end_everything(self):
        for device in [*self.devices.values(), *self.extras]:
            device.end()
        if self.coordinator.process is not None and self.coordinator.process.poll() is None:
            self.coordinator.end()

    # What the coordinator says.

    def rounds(self, task, count=100_000):
        return self.coordinator.admin("round", "list", task, "--count", count)

    def record(self):
        """Of each task, newest last: every round that is over."""
        return {task: self.rounds(task)[::-1] for task in TASKS}

    @staticmethod
    def committed(record):
        return {task: [(entry["round"], entry["committed_version"]) for entry in entries
                       if entry["outcome"] == "committed"] for task, entries in record.items()}

    def rounds_over(self):
        return sum(task["rounds_committed"] + task["rounds_abandoned"]
                   for task in self.coordinator.admin("task", "list"))

    # What happens to devices.

    def start_device(self, name):
        folder = self.folder / "motion" / f"wearer-{int(name.split('-')[1]) + 1}"
        device = Device(self.coordinator, name, folder,
                        ("--ledger", self.folder / f"{name}.ledger", "--allow-unmasked"),
                        log=self.folder / name)  # not on the disk that is filled
        device.data = folder
        self.devices[name] = device

    def power_cut(self):
        """Some devices lose their power, and those that had none come back."""
        dead = [name for name, device in self.devices.items() if device.process.poll() is not None]
        for name in dead:
            if self.devices[name].process.poll() != -signal.SIGKILL:
                self.fail(f"{name} gave up:\n{self.devices[name].log_text()[-2000:]}")
        alive = [name for name in self.devices if name not in dead]
        for name in dead:
            self.devices[name].end()
            self.start_device(name)
        for name in self.random.sample(alive, min(len(alive), self.random.randint(0, 2))):
            self.devices[name].process.send_signal(signal.SIGKILL)
            self.devices[name].process.wait(timeout=30)
            self.events["devices killed"] += 1

    def leave(self):
        """One device is switched off in good order, and on again."""
        name = self.random.choice(list(self.devices))
        self.devices[name].end()
        self.start_device(name)
        self.events["devices left"] += 1

    def copy(self):
        """A copied card: another process with a device's identity and label, for a while."""
        name = self.random.choice(list(self.devices))
        clone = Device(self.coordinator, name, self.devices[name].data,
                       ("--ledger", self.folder / f"copy-{self.events['copies']}.ledger",
                        "--allow-unmasked"), log=self.folder / f"{name}-copy-{self.events['copies']}")
        clone.started = time.monotonic()
        self.extras.append(clone)
        self.events["copies"] += 1

    def end_copies(self):
        for clone in [extra for extra in self.extras if hasattr(extra, "started")]:
            if time.monotonic() - clone.started > 10:
                clone.end()
                self.extras.remove(clone)

    def start_failing_device(self):
        """Its labels begin at 1, so training fails; its supervisor starts it again and again."""
        whole = self.folder / "motion" / "wearer-1"
        bad = self.folder / "bad-labels"
        bad.mkdir()
        (bad / "x.npy").write_bytes((whole / "x.npy").read_bytes())
        labels = bytearray((whole / "y.npy").read_bytes())
        labels[-1] = 200
        (bad / "y.npy").write_bytes(bytes(labels))
        self.failing = bad
        self.supervise_failing_device()

    def supervise_failing_device(self):
        for device in [extra for extra in self.extras if hasattr(extra, "failing")]:
            if device.process.poll() is None:
                return
            device.end()
            self.extras.remove(device)
        device = Device(self.coordinator, "failing", self.failing,
                        ("--ledger", self.folder / "failing.ledger", "--allow-unmasked"))
        device.failing = True
        self.extras.append(device)
        self.events["failing device started"] += 1

    # What happens to the coordinator.

    def kill_coordinator(self):
        known = self.committed(self.record())
        time.sleep(self.random.uniform(0, 0.3))
        self.coordinator.end(signal.SIGKILL)
        self.events["coordinator killed"] += 1
        self.coordinator.start()
        now = self.committed(self.record())
        for task, commits in known.items():
            self.assertEqual(now[task][:len(commits)], commits, f"{task}: a commit is gone")

    def fill_disk(self):
        if not self.disk.mounted:
            return
        self.disk.fill()
        time.sleep(6)
        self.assertIsNone(self.coordinator.process.poll(), self.coordinator.log_text()[-2000:])
        before = self.rounds_over()
        self.disk.enlarge()
        began = time.monotonic()
        wait_until(lambda: self.rounds_over() > before, timeout=60, what="a commit after a full disk")
        self.events["disk filled"] += 1
        self.waits_after_full_disk.append(time.monotonic() - began)

    def renew_certificate(self):
        """The server's certificate is nearly at its end when the coordinator starts again."""
        tls = self.coordinator.data_dir / "tls"
        server = (tls / "server.pem").read_text()
        key, _ = server.split("-----BEGIN CERTIFICATE-----", 1)
        (self.folder / "server-key.pem").write_text(key)
        work = self.folder

        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

        openssl("req", "-new", "-key", work / "server-key.pem", "-subj", "/CN=Sotto coordinator", "-addext",
                "subjectAltName=IP:127.0.0.1,DNS:localhost", "-out", work / "server.csr")
        openssl("x509", "-req", "-in", work / "server.csr", "-CA", tls / "ca.pem", "-CAkey",
                tls / "ca-key.pem", "-days", 3, "-copy_extensions", "copy", "-out",
                work / "server-certificate.pem")
        self.coordinator.end()
        (tls / "server.pem").write_text(key + (work / "server-certificate.pem").read_text())
        self.coordinator.start()
        self.assertNotIn((work / "server-certificate.pem").read_text().strip(),
                         (tls / "server.pem").read_text(), "the certificate was not renewed")
        self.events["certificate renewed"] += 1

    def roll_back(self):
        shown = self.coordinator.admin("task", "show", "walking")
        target = max(0, shown["model_version"] - 5)
        self.coordinator.admin("model", "rollback", "walking", target, "--reason", "rehearsed")
        self.events["rollbacks"] += 1

    # The whole.

    def prepare(self):
        run_ok("dataset", "export", "motion", self.folder / "motion", "--devices", DEVICES, "--seed", 3)
        self.coordinator.start()
        for task, settings in TASKS.items():
            file = write_task(self.folder, name=task, rounds=1_000_000, participants=6, participants_min=3,
                              over_selection=1.5, report_within_ms=8000, phase_deadline_ms=3000,
                              straggler_grace_ms=300, **settings)
            self.coordinator.admin("task", "create", "--file", file)
        for i in range(DEVICES):
            self.start_device(f"device-{i}")
        self.start_failing_device()
        self.waits_after_full_disk = []

    def live(self):
        special = {KILLS // 5: self.fill_disk, 2 * KILLS // 5: self.renew_certificate,
                   3 * KILLS // 5: self.roll_back, 4 * KILLS // 5: self.fill_disk}
        began = time.monotonic()
        for cycle in range(1, KILLS + 1):
            wanted = ROUNDS * cycle // KILLS
            latest = began + SECONDS * cycle / KILLS
            while self.rounds_over() < wanted and time.monotonic() < latest:
                time.sleep(0.2)
            self.power_cut()
            self.supervise_failing_device()
            self.end_copies()
            self.random.choice([self.leave, self.copy, lambda: None])()
            if cycle in special:
                special[cycle]()
            self.kill_coordinator()
        self.seconds = time.monotonic() - began

    def check_counted(self, name):
        """That the device, its copies with it, was counted in no round of a task twice; how often it was."""
        counted = collections.Counter()
        for log in [self.folder / f"{name}.log", *self.folder.glob(f"{name}-copy-*.log")]:
            in_training = None
            for line in log.read_text(errors="replace").splitlines():
                if words := re.search(r"training on round (\d+) of task (\d+)", line):
                    in_training = words.groups()
                elif words := re.match(r"counted: round (\d+) ", line):
                    self.assertIsNotNone(in_training, f"{log}: counted without training: {line}")
                    self.assertEqual(words.group(1), in_training[0], f"{log}: {line}")
                    counted[in_training] += 1
                    in_training = None
        twice = {round_of_task: times for round_of_task, times in counted.items() if times > 1}
        self.assertEqual(twice, {}, f"{name} counted a (round, task) twice")
        return counted.total()

    def check(self):
        record = self.record()
        for task, entries in record.items():
            numbers = [entry["round"] for entry in entries]
            self.assertEqual(len(numbers), len(set(numbers)), f"{task}: a round number twice")
            versions = [version for _, version in self.committed(record)[task]]
            self.assertEqual(versions, sorted(set(versions)), f"{task}: a version twice, or a step back")
        self.assertGreater(sum(self.check_counted(name) for name in self.devices), 0)
        over = {task: collections.Counter(entry["outcome"] for entry in entries)
                for task, entries in record.items()}
        return over

    def test_needs_no_hand(self):
        print(f"seed {SEED}", file=sys.stderr)
        self.prepare()
        self.live()
        over = self.check()
        for name, device in self.devices.items():
            if device.process.poll() not in (None, -signal.SIGKILL):
                self.fail(f"{name} gave up:\n{device.log_text()[-2000:]}")
        wait_until(lambda: self.rounds_over() > sum(sum(c.values()) for c in over.values()) + 2, timeout=60,
                   what="rounds after the last kill")
        self.assertEqual(self.coordinator.end(), 0)
        self.print_table(over)
        self.assertGreaterEqual(sum(sum(outcomes.values()) for outcomes in over.values()), ROUNDS)

    def print_table(self, over):
        rows = [("seconds", round(self.seconds))]
        rows += [(f"{task}: {outcome}", count) for task, outcomes in over.items()
                 for outcome, count in outcomes.items()]
        rows += list(self.events.items())
        rows += [("seconds to a commit after a full disk", round(wait, 1))
                 for wait in self.waits_after_full_disk]
        for name, value in rows:
            print(f"{name:44} {value:>8}", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
