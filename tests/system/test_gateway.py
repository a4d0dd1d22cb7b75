"""`sotto gateway` between `sotto serve` and devices that speak to it in the frames of boards."""

import json
import os
import pty
import signal
import socket
import subprocess
import threading
import tty
import unittest

from sotto_process import (BINARY, Coordinator, Device, FleetTest, SystemTest, free_port, run, run_ok,
                           wait_until)


class Gateway:
    """`sotto gateway` on a loopback port."""

    def __init__(self, coordinator, port=None, extra=()):
        self.coordinator, self.port, self.extra = coordinator, port or free_port(), list(extra)
        self.log_path = coordinator.data_dir.parent / f"gateway-{self.port}.log"

    def start(self):
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [BINARY, "gateway", "--coordinator", self.coordinator.address, "--ca", str(self.coordinator.ca),
             "--listen", f"127.0.0.1:{self.port}", "--log-format", "json", *map(str, self.extra)],
            stdout=self.log, stderr=subprocess.STDOUT)
        wait_until(lambda: self.process.poll() is not None or "listening on" in self.log_text(),
                   what="the gateway's start")
        if self.process.poll() is not None:
            raise AssertionError(f"sotto gateway ended at once: {self.log_text()}")
        return self

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
        self.log.close()
        return self.process.returncode


class Behind(Device):
    """A device that knows a gateway's port only."""

    def __init__(self, coordinator, port, name, data):
        self.data = data
        super().__init__(coordinator, name, data, place=("--gateway", f"127.0.0.1:{port}"))


class SerialCable:
    """A serial line whose other end is a port: what a device sends there comes out of `name`."""

    def __init__(self):
        self.end, self.kept_open = pty.openpty()
        tty.setraw(self.end)
        self.name = os.ttyname(self.kept_open)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self):
        board, _ = self.listener.accept()

        def to_board():
            while data := os.read(self.end, 512):
                board.sendall(data)

        threading.Thread(target=to_board, daemon=True).start()
        while data := board.recv(512):
            os.write(self.end, data)


class Options(SystemTest):
    def test_what_cannot_serve_is_refused_in_words(self):
        ca = self.folder / "ca.pem"
        ca.write_text("no certificate")
        base = ("gateway", "--coordinator", "127.0.0.1:1", "--ca", ca)
        self.assert_refused(run(*base, "--listen", "127.0.0.1:0"), 2, "ca.pem", "certificate")
        self.assert_refused(run("gateway", "--listen", "127.0.0.1:0"), 2, "--coordinator is required")
        self.assert_refused(run(*base, "--listen", "nowhere"), 2, "--listen", "HOST:PORT")
        self.assert_refused(run(*base, "--listen", "127.0.0.1:0", "--calls", 0), 2, "--calls")

    def test_a_gateway_without_a_line_and_a_port_without_that_speed_are_refused(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            base = ("gateway", "--coordinator", coordinator.address, "--ca", coordinator.ca)
            self.assert_refused(run(*base), 2, "serves no board")
            self.assert_refused(run(*base, "--serial", "/dev/ttyS9:12345"), 2, "/dev/ttyS9:12345", "115200")
            taken = coordinator.address
            self.assert_refused(run(*base, "--listen", taken), 1, taken, "in use")

    def test_a_device_has_a_coordinator_or_a_gateway(self):
        device = ("device", "run", "--id", "d", "--population", "p", "--data", self.folder)
        self.assert_refused(run(*device), 2, "--coordinator is required")
        self.assert_refused(run(*device, "--coordinator", "127.0.0.1:1"), 2, "--ca is required")
        self.assert_refused(run(*device, "--gateway", "127.0.0.1:1", "--coordinator", "127.0.0.1:2"), 2,
                            "--gateway", "--coordinator")

    def test_its_section_is_checked(self):
        file = self.folder / "sotto.toml"
        file.write_text('[gateway]\ncoordinator = "coordinator.example:7443"\nserail = ["/dev/ttyUSB0"]\n')
        self.assert_refused(run("config", "check", file), 2, "line 3", "serial")


class BehindAGateway(FleetTest):
    def behind(self, coordinator, ports):
        data = self.folder / "motion"
        run_ok("dataset", "export", "motion", data, "--devices", len(ports), "--seed", 3)
        folders = sorted(p for p in data.iterdir() if p.name != "test" and p.is_dir())
        devices = [Behind(coordinator, port, f"board-{i}", folder)
                   for i, (port, folder) in enumerate(zip(ports, folders))]
        for device in devices:
            self.addCleanup(device.end)
        return devices

    def rounds(self, coordinator):
        return coordinator.admin("round", "list", "activity")


class ThroughAGateway(BehindAGateway):
    def test_rounds_are_committed_and_a_gateway_that_is_killed_in_one_costs_none(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            gateway = Gateway(coordinator).start()
            self.create_task(coordinator, phase_deadline_ms=20000)
            # The third device is not there yet: the round waits, with the others in it.
            devices = self.behind(coordinator, [gateway.port] * 2)
            shown = lambda: coordinator.admin("task", "show", "activity")["waiting_for"]
            wait_until(lambda: "2 of 3 devices have joined" in shown(), what="two boards that have joined")
            gateway.end(signal.SIGKILL)
            cable = SerialCable()
            again = Gateway(coordinator, port=gateway.port,
                            extra=["--serial", f"{cable.name}:115200", "--serial", "/dev/no-port"]).start()
            devices.append(Behind(coordinator, cable.port, "board-2", self.folder / "motion" / "test"))
            self.addCleanup(devices[-1].end)
            wait_until(lambda: self.rounds(coordinator), what="the round's end")
            first = self.rounds(coordinator)[-1]
            self.assertEqual((first["outcome"], first["collected"]), ("committed", 3), first)
            self.assertEqual(again.end(), 0, again.log_text())
            for line in ("calls of boards", f"{cable.name} is open", "cannot open /dev/no-port"):
                self.assertIn(line, again.log_text())
            for line in again.log_text().splitlines():
                json.loads(line)
            for device in devices:
                self.assertIsNone(device.process.poll(), device.log_text())


if __name__ == "__main__":
    unittest.main()
