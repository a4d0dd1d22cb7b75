"""Runs the built `sotto` binary for the system tests: one coordinator, devices, and their clean end."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BINARY = os.environ.get("SOTTO_BINARY", "sotto")
DATA_DIR = pathlib.Path(
    os.environ.get("SOTTO_DATA_DIR", pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*arguments, timeout=120, **options):
    """The finished process; its output as text."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          **options)


def run_ok(*arguments, timeout=120):
    done = run(*arguments, timeout=timeout)
    if done.returncode != 0:
        raise AssertionError(f"{arguments} failed with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def simulate(*arguments, timeout=200):
    """The result JSON of `sotto simulate`."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "result.json"
        run_ok("simulate", *arguments, "--json", file, "--quiet", timeout=timeout)
        return json.loads(file.read_text())


class Server:
    """A command that serves on a loopback port, with a data directory and a log beside it."""

    def __init__(self, data_dir, port=None, extra=()):
        self.data_dir = pathlib.Path(data_dir)
        self.port = port or free_port()
        self.extra = list(extra)
        self.log_path = self.data_dir.parent / f"{self.data_dir.name}-{self.port}.log"
        self.process = None

    def spawn(self, *command):
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [BINARY, *map(str, command), "--data-dir", str(self.data_dir), "--listen", self.address,
             *map(str, self.extra)],
            stdout=self.log, stderr=subprocess.STDOUT)

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def ca(self):
        return self.data_dir / "tls" / "ca.pem"


class Coordinator(Server):
    """`sotto serve`, with an authority of its own unless the subclass keeps it elsewhere."""

    authority_options = ("--local-authority",)

    def start(self):
        self.spawn("serve", *self.authority_options)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"sotto serve ended at once: {self.log_text()}")
            if run("task", "list", "--data-dir", self.data_dir).returncode == 0:
                return self
            time.sleep(0.1)
        raise AssertionError(f"sotto serve did not come up: {self.log_text()}")

    @property
    def socket(self):
        return self.data_dir / "admin.sock"

    @property
    def authority(self):
        return self.data_dir / "authority"

    def enroll(self, name):
        """The identity file of a device of this name."""
        file = self.data_dir.parent / f"{name}.pem"
        if not file.exists():
            run_ok("authority", "enroll", name, "--authority", self.authority, "-o", file)
        return file

    def admin(self, *arguments):
        return json.loads(run_ok(*arguments, "--data-dir", self.data_dir, "--json"))

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
        self.log.close()
        return self.process.returncode

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=30)
        self.log.close()


class CoordinatorOfAnAuthorityElsewhere(Coordinator):
    """Which needs that authority's endorsement; the authority is in a folder beside its data."""

    authority_options = ()

    @property
    def authority(self):
        return self.data_dir.parent / "authority"


class MaskHelper(Server):
    """`sotto helper serve`, for the fleet of a coordinator's own authority."""

    drain_seconds = 0  # a stop waits for nothing

    def __init__(self, data_dir, authority, port=None, extra=()):
        super().__init__(data_dir, port, extra)
        self.authority = authority

    def start(self):
        self.spawn("helper", "serve", "--authority", self.authority, "--drain-seconds", self.drain_seconds)
        wait_until(lambda: self.process.poll() is not None or "listening on" in self.log_text(),
                   what="the helper's start")
        if self.process.poll() is not None:
            raise AssertionError(f"sotto helper serve ended at once: {self.log_text()}")
        return self

    @property
    def public_key(self):
        return self.data_dir / "helper-public.hex"

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)
        self.log.close()
        self.log_path.unlink()  # a restarted helper says anew that it listens
        return self.process.returncode


# Owners who take part in the few devices of a test.
SMALL_FLEET = ("--cohort-min", "3", "--honest-min", "2", "--corrupt-fraction-min", "0")


class Device:
    """`sotto device run` as a process of its own. `log`: its log's name, or its path without the ending.
    `place`: whom it calls, unless the coordinator itself."""

    def __init__(self, coordinator, name, data, extra=(), log=None, place=None):
        place = place or ("--coordinator", coordinator.address, "--ca", str(coordinator.ca))
        self.log_path = coordinator.data_dir.parent / f"{log or name}.log"
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [BINARY, "device", "run", *place, "--identity", str(coordinator.enroll(name)), "--id", name,
             "--population", "wearables", "--data", str(data), *SMALL_FLEET, *map(str, extra)],
            stdout=self.log, stderr=subprocess.STDOUT)

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        return self.process.returncode


def write_task(folder, **changes):
    """A task file from the built-in example with some keys changed; returns its path."""
    text = run_ok("task", "example")
    # Rounds of a test wait for all of its devices.
    changes = {"over_selection": 1.0, "patience": 0.0} | changes
    if changes.get("participants", 8) < 8 or changes.get("participants_min", 8) < 8:
        changes = {"cohort_min": 3, "honest_min": 2, "corrupt_fraction": 0} | changes
    for key, value in changes.items():
        text, count = re.subn(rf"^{key} = [^#\n]*", f"{key} = {json.dumps(value)} ", text, count=1,
                              flags=re.MULTILINE)
        assert count == 1, f"the example task has no key {key}"
    path = pathlib.Path(folder) / "task.toml"
    path.write_text(text)
    return path


def wait_until(condition, timeout=60, what="the condition", pause=0.1):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(pause)
    raise AssertionError(f"{what} did not come about within {timeout} s")


class SystemTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="sotto-test-")
        self.folder = pathlib.Path(self.temporary.name)
        self.addCleanup(self.temporary.cleanup)

    def require_data(self, name):
        path = DATA_DIR / name
        if not path.is_dir():
            self.skipTest(f"the data set folder {name} is absent; set SOTTO_DATA_DIR to run this test")
        return path

    def assert_refused(self, done, code, *words):
        """It failed with this exit code and a message that holds all these words."""
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr + done.stdout)


class FleetTest(SystemTest):
    """A few devices of the motion data as processes, and a task that wants all of them."""

    def fleet(self, coordinator, extra=(), count=3):
        data = self.folder / "motion"
        if not data.exists():
            run_ok("dataset", "export", "motion", data, "--devices", count, "--seed", 3)
        folders = sorted(p for p in data.iterdir() if p.name != "test" and p.is_dir())
        devices = [Device(coordinator, f"device-{i}", folder, extra)
                   for i, folder in enumerate(folders[:count])]
        for device in devices:
            self.addCleanup(device.end)
        return devices

    def create_task(self, coordinator, **changes):
        settings = {"participants": 3, "participants_min": 3, "rounds": 1000,
                    "phase_deadline_ms": 5000} | changes
        return coordinator.admin("task", "create", "--file", write_task(self.folder, **settings))
