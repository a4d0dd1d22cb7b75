"""Starts on damaged files: a data directory of each kind, every file of it damaged in many places.

A start is refused with a sentence, or it runs with what there was before the damage: never with less, and
never does it end by a signal.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import selectors
import shutil
import signal
import sqlite3
import subprocess
import time

from sotto_process import (BINARY, SMALL_FLEET, Coordinator, Device, MaskHelper, free_port, run, run_ok,
                           wait_until, write_task)

START_SECONDS = 20
TRUNCATIONS = 12
ADVICE = ("restore", "remove", "move ", "put ", "start ", "make ", "makes", "renew", "brings", "check",
          "encrypted", "must be", "sotto authority", "newest")

Damage = collections.namedtuple("Damage", "name apply")


def damages_of(file, older, places):
    """So many ways to damage a file: bytes changed, ends cut off, emptied, gone, an older copy."""
    size = file.stat().st_size
    damages = [Damage("deleted", lambda f: f.unlink()), Damage("emptied", lambda f: f.write_bytes(b""))]
    if older.is_file() and older.read_bytes() != file.read_bytes():
        damages.append(Damage("replaced by an older copy", lambda f: shutil.copyfile(older, f)))
    if size == 0:
        return damages
    cuts = min(TRUNCATIONS, places // 3)
    damages += [Damage(f"cut to {length} bytes", lambda f, n=length: os.truncate(f, n))
                for length in sorted({size * i // (cuts + 1) for i in range(1, cuts + 1)} - {0})]

    def change(f, offset, mask):
        content = bytearray(f.read_bytes())
        content[offset] ^= mask
        f.write_bytes(content)

    count = places - len(damages)
    for i in range(count):
        offset, mask = size * i // count, (0x01, 0x20, 0x80, 0xff)[i % 4]
        damages.append(Damage(f"byte {offset} changed by {mask:#x}",
                              lambda f, o=offset, m=mask: change(f, o, m)))
    return damages


def wait_for_line(process, word, seconds=START_SECONDS):
    """Everything that a process has printed by the time that this word comes, or that it ends."""
    text, deadline = "", time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while word not in text and (left := deadline - time.monotonic()) > 0:
            if selector.select(left):
                block = os.read(process.stdout.fileno(), 65536).decode(errors="replace")
                if not block:
                    break
                text += block
    return text


class Kind:
    """A data directory and how to start on it. Subclasses make it and say what its facts are."""

    skipped = ()   # names of files that hold nothing
    ready = "listening on"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def command(self, folder):
        raise NotImplementedError

    def facts(self, folder, output):
        """What a started process knows, while it runs."""
        raise NotImplementedError

    def no_less(self, before, after):
        return before == after

    def started(self, folder):
        process = subprocess.Popen([BINARY, *map(str, self.command(folder))], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            output = wait_for_line(process, self.ready)
            return process, output
        except BaseException:
            process.kill()
            raise

    def outcome(self, folder):
        """(exit code or None while it runs, facts, what it said)"""
        process, output = self.started(folder)
        facts = None
        if self.ready in output:
            facts = self.facts(folder, output)
            process.send_signal(signal.SIGTERM)
        try:
            rest, errors = process.communicate(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return -signal.SIGKILL, facts, output + "neither started nor ended"
        return process.returncode, facts, output + (rest + errors).decode(errors="replace")

    def files(self):
        return sorted(f for f in self.folder.rglob("*")
                      if f.is_file() and f.name not in self.skipped and f.suffix != ".lock")


class CoordinatorKind(Kind):
    name = "coordinator"
    # What other programs read, and what is made anew from what is beside it.
    skipped = ("sotto.db-shm",)

    def command(self, folder):
        return ["serve", "--local-authority", "--data-dir", folder, "--listen", "127.0.0.1:0",
                "--drain-seconds", 0, "--log-level", "error"]

    def facts(self, folder, output):
        tasks = json.loads(run_ok("task", "list", "--data-dir", folder, "--json"))
        known = {}
        for task in tasks:
            name = task["name"]
            known[name] = {
                "state": task["state"], "version": task["model_version"],
                "rounds": json.loads(run_ok("round", "list", name, "--data-dir", folder, "--json")),
                "models": json.loads(run_ok("model", "list", name, "--data-dir", folder, "--json"))}
        revoked = run_ok("authority", "list", "--authority", folder / "authority")
        return {"tasks": known, "register": revoked,
                "trusted": [line for line in output.splitlines() if "fingerprint" in line]}

    def no_less(self, before, after):
        # A CA certificate that is made anew from its key is another certificate of the same CA.
        return before["tasks"] == after["tasks"] and before["register"] == after["register"]


class HelperKind(Kind):
    name = "helper"

    def __init__(self, folder, authority):
        super().__init__(folder)
        self.authority = authority

    def command(self, folder):
        return ["helper", "serve", "--authority", self.authority, "--data-dir", folder, "--listen",
                "127.0.0.1:0", "--drain-seconds", 0, "--log-level", "error"]

    def facts(self, folder, output):
        return [line for line in output.splitlines() if "public key" in line]

    def outcome(self, folder):
        code, facts, said = super().outcome(folder)
        if facts is not None:
            with sqlite3.connect(f"file:{folder / 'answered.db'}?mode=ro", uri=True) as database:
                facts = facts + database.execute("SELECT count(*) FROM answered").fetchall()
        return code, facts, said


class DeviceKind(Kind):
    """Its coordinator is away: a device that has read its files goes on asking for it."""

    name = "device"
    ready = "attempt 1"

    def __init__(self, folder, ca, data):
        super().__init__(folder)
        self.ca, self.data, self.port = ca, data, free_port()

    def command(self, folder):
        return ["device", "run", "--coordinator", f"127.0.0.1:{self.port}", "--ca", self.ca, "--identity",
                folder / "device.pem", "--id", "device", "--population", "wearables", "--data", self.data,
                "--state", folder / "state", *SMALL_FLEET]

    def started(self, folder):
        process = subprocess.Popen([BINARY, *map(str, self.command(folder))], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        return process, wait_for_line(process, self.ready)

    def outcome(self, folder):
        process, output = self.started(folder)
        facts = self.facts(folder, output) if self.ready in output else None
        if facts is not None:
            process.send_signal(signal.SIGTERM)
        try:
            rest, _ = process.communicate(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return -signal.SIGKILL, facts, output + "neither started nor ended"
        return process.returncode, facts, output + rest.decode(errors="replace")

    def facts(self, folder, output):
        ledger = json.loads(run_ok("device", "ledger", folder / "device.pem.ledger", "--json"))
        return {"vectors": ledger["vectors"], "tasks": ledger["tasks"]}


def copied(folder, to):
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("admin.sock"))
    return to


def fault(kind, file, damage, number, older, scratch, before):
    """What is wrong with one start, or None."""
    folder = copied(kind.folder, scratch / f"{kind.name}-{number}")
    try:
        damage.apply(folder / file.relative_to(kind.folder))
        code, facts, said = kind.outcome(folder)
        where = f"{kind.name}: {file.relative_to(kind.folder)} {damage.name}: "
        if code < 0 or code > 2:
            return f"{where}ended with {code}: {said}"
        if facts is not None:
            return None if kind.no_less(before, facts) else f"{where}runs with other facts: {facts}"
        if code == 0:
            return f"{where}ended with 0 and did not run: {said}"
        names = (file.name, file.name.removesuffix("-wal"), file.name.removesuffix(".step"))
        if not any(name in said for name in names) or not any(word in said for word in ADVICE):
            return f"{where}refused without the file's name or what to do: {said}"
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def starts(kinds, places, scratch, only=None):
    """(number of starts, number that were refused, faults) of every damage to every file."""
    jobs = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=3) as pool:
        for kind, older in kinds:
            sound = copied(kind.folder, scratch / f"{kind.name}-sound")
            code, before, said = kind.outcome(sound)
            if before is None or code != 0:
                raise AssertionError(f"an undamaged {kind.name} does not run: {code}: {said}")
            for file in kind.files():
                damages = damages_of(file, older / file.relative_to(kind.folder), places)
                for damage in damages if only is None else only(file, damages):
                    jobs.append(pool.submit(fault, kind, file, damage, len(jobs), older, scratch, before))
        return len(jobs), [found for job in jobs if (found := job.result())]


def small_kinds(folder):
    """A coordinator with a task, and a helper, without any round: for a quick look."""
    data = folder / "coordinator"
    with Coordinator(data) as coordinator:
        coordinator.admin("task", "create", "--file", write_task(folder))
        older = folder / "older" / "coordinator"
        coordinator.end(signal.SIGKILL)
        copied(data, older)
    with Coordinator(data) as coordinator:
        coordinator.admin("task", "pause", "activity")
        coordinator.end(signal.SIGKILL)
    return [(CoordinatorKind(data), older)]


class Fleet:
    """A coordinator, a mask helper and three devices, of which the first has a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "coordinator"
        self.helper_dir, self.device_dir = folder / "helper", folder / "device"
        self.device_dir.mkdir()
        run_ok("dataset", "export", "motion", folder / "motion", "--devices", 3, "--seed", 3)
        self.examples = sorted(p for p in (folder / "motion").iterdir() if p.name != "test" and p.is_dir())
        run_ok("helper", "init", "--data-dir", self.helper_dir)
        with Coordinator(self.data) as first:
            self.authority = first.authority / "authority.pem"
        self.helper = MaskHelper(self.helper_dir, self.authority).start()
        self.coordinator = Coordinator(
            self.data, extra=["--helper", self.helper.address, "--helper-key", self.helper.public_key,
                              "--helper-ca", self.helper.ca]).start()

    def create(self, name, **changes):
        settings = {"participants": 3, "participants_min": 3, "phase_deadline_ms": 5000, "rounds": 500}
        path = write_task(self.folder, **(settings | changes))
        path.write_text(path.read_text().replace('name = "activity"', f'name = "{name}"'))
        self.coordinator.admin("task", "create", "--file", path)

    def devices(self):
        for i, examples in enumerate(self.examples):
            identity, state = self.folder / f"device-{i}.pem", self.folder / f"state-{i}"
            self.coordinator.enroll(f"device-{i}")
            if i == 0:
                identity, state = self.device_dir / "device.pem", self.device_dir / "state"
                shutil.copy(self.folder / "device-0.pem", identity)
            yield Device(self.coordinator, f"device-{i}", examples,
                         ["--identity", identity, "--state", state, "--helper-key", self.helper.public_key])

    def run_until(self, task, count):
        """With no other task beside it, so that nobody waits for a device that serves the other."""
        devices = list(self.devices())
        try:
            wait_until(lambda: self.coordinator.admin("task", "show", task)["rounds_committed"] >= count,
                       timeout=120, what=f"round {count} of {task}")
        finally:
            for device in devices:
                device.end()

    def revoke(self, name):
        self.coordinator.enroll(name)
        before = self.bulletin()
        run_ok("authority", "revoke", name, "--authority", self.coordinator.authority)
        wait_until(lambda: self.bulletin() != before, what="the bulletin")

    def bulletin(self):
        file = self.data / "bulletin.pem"
        return file.read_bytes() if file.exists() else b""

    def kill(self):
        for server in (self.coordinator, self.helper):
            server.process.kill()
            server.process.wait()
            server.log.close()
        self.helper.log_path.unlink()

    def start_again(self):
        self.helper.start()
        self.coordinator.start()


def fleet_kinds(folder):
    """A coordinator, its mask helper and one of its devices after rounds of either kind."""
    fleet = Fleet(folder)
    older = folder / "older"
    copied(fleet.helper_dir, older / fleet.helper_dir.name)
    fleet.create("sleepers", kind="one_shot", rounds=1)
    fleet.run_until("sleepers", 1)
    fleet.create("activity")
    fleet.revoke("lost")
    fleet.run_until("activity", 2)
    fleet.kill()
    for part in (fleet.data, fleet.device_dir):
        copied(part, older / part.name)
    fleet.start_again()
    fleet.revoke("stolen")
    fleet.run_until("activity", 4)
    fleet.kill()
    return [(CoordinatorKind(fleet.data), older / "coordinator"),
            (HelperKind(fleet.helper_dir, fleet.authority), older / "helper"),
            (DeviceKind(fleet.device_dir, fleet.data / "tls" / "ca.pem", fleet.examples[0]),
             older / "device")]
