"""What processes that hold secrets leave on disk and let others read, whatever was there before."""

import os
import pathlib
import resource
import shutil
import ssl
import unittest

from sotto_process import Coordinator, Device, MaskHelper, SystemTest, run, run_ok, wait_until


def mode(path):
    return path.stat().st_mode & 0o7777


def core_limits(process):
    """The soft and the hard limit on core files of a process, as the kernel words them."""
    for line in pathlib.Path(f"/proc/{process.pid}/limits").read_text().splitlines():
        if line.startswith("Max core file size"):
            return line.split()[4:6]
    raise AssertionError("the kernel tells no limit on core files")


class PrivateFiles(SystemTest):
    def assert_private(self, folder):
        self.assertEqual(mode(folder), 0o700)
        for path in folder.rglob("*"):
            self.assertEqual(mode(path) & 0o077, 0, f"{path} is open to others")

    def test_a_data_directory_that_existed_becomes_private(self):
        data_dir = self.folder / "coordinator"
        data_dir.mkdir()
        data_dir.chmod(0o775)
        with Coordinator(data_dir) as coordinator:
            self.assert_private(data_dir)
            self.assertEqual(coordinator.end(), 0)
        data_dir.chmod(0o755)
        (data_dir / "sotto.db").chmod(0o644)
        with Coordinator(data_dir):
            self.assert_private(data_dir)
            self.assertTrue((data_dir / "sotto.db-wal").exists(), "it is open now")

    def test_a_helpers_directory_becomes_private(self):
        data_dir = self.folder / "helper"
        run_ok("helper", "init", "--data-dir", data_dir)
        with Coordinator(self.folder / "coordinator") as coordinator:
            data_dir.chmod(0o755)
            helper = MaskHelper(data_dir, coordinator.authority / "authority.pem").start()
            self.addCleanup(helper.end)
            self.assert_private(data_dir)
            self.assertEqual(core_limits(helper.process), ["0", "0"])

    def test_a_directory_that_all_users_share_is_refused(self):
        shared = self.folder / "shared"
        shared.mkdir()
        shared.chmod(0o1777)
        done = run("serve", "--data-dir", shared, "--listen", "127.0.0.1:0", timeout=20)
        self.assert_refused(done, 1, "is shared by all users", "name a folder below it")
        self.assertEqual(list(shared.iterdir()), [])


class CoreDumps(SystemTest):
    def test_processes_with_secrets_write_none(self):
        run_ok("dataset", "export", "motion", self.folder / "motion", "--devices", 1)
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.assertEqual(core_limits(coordinator.process), ["0", "0"])
            device = Device(coordinator, "device-0", self.folder / "motion" / "wearer-1")
            self.addCleanup(device.end)
            wait_until(lambda: core_limits(device.process) == ["0", "0"], what="the device's start")

    def test_an_operator_may_allow_them(self):
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        if hard == 0:
            self.skipTest("this process may write none itself")
        with Coordinator(self.folder / "coordinator", extra=["--allow-core-dumps"]) as coordinator:
            self.assertNotEqual(core_limits(coordinator.process)[1], "0")


class Renewal(SystemTest):
    def test_a_renewed_certificate_is_served_without_a_restart(self):
        data_dir, copy = self.folder / "coordinator", self.folder / "copy"
        with Coordinator(data_dir) as coordinator:
            served = ("127.0.0.1", coordinator.port)
            before = ssl.get_server_certificate(served)
            # The same authority makes another certificate, because it is asked for another name.
            shutil.copytree(data_dir / "tls", copy / "tls")
            with Coordinator(copy, extra=["--name", "other.example"]) as other:
                after = ssl.get_server_certificate(("127.0.0.1", other.port))
                self.assertNotEqual(after, before)
            os.replace(copy / "tls" / "server.pem", data_dir / "tls" / "server.pem")
            wait_until(lambda: ssl.get_server_certificate(served) == after, timeout=20,
                       what="the renewed certificate")
            self.assertIsNone(coordinator.process.poll())


if __name__ == "__main__":
    unittest.main()
