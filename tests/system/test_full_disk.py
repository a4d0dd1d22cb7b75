"""A coordinator whose disk fills up, and what it does when there is room again (label long; needs root)."""

import subprocess
import time
import unittest

from sotto_process import Coordinator, FleetTest, wait_until

FULL_SECONDS = 15
NEXT_COMMIT_SECONDS = 2


class FullDisk(FleetTest):
    def setUp(self):
        super().setUp()
        self.disk = self.folder / "coordinator"  # and not the devices' ledgers, which lie beside it
        self.disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", str(self.disk)],
            capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a small disk of one's own takes the right to mount it")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", str(self.disk)], check=True))

    def fill(self):
        """Until not a byte is left."""
        with open(self.disk / "filler", "ab", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                pass

    def test_the_next_commit_comes_as_soon_as_there_is_room(self):
        with Coordinator(self.disk) as coordinator:
            self.create_task(coordinator)
            self.fleet(coordinator)

            def committed():
                return coordinator.admin("task", "show", "activity")["rounds_committed"]

            wait_until(lambda: committed() >= 2, what="two committed rounds")
            deadline = time.monotonic() + 60
            while "the store failed" not in coordinator.log_text() and time.monotonic() < deadline:
                self.fill()
                time.sleep(0.2)
            self.assertIn("the store failed", coordinator.log_text())
            time.sleep(FULL_SECONDS)
            before = committed()
            subprocess.run(["mount", "-o", "remount,size=96m", str(self.disk)], check=True)
            began = time.monotonic()
            wait_until(lambda: committed() > before, timeout=30, what="a commit after there is room")
            waited = time.monotonic() - began
            print(f"the next commit came {waited:.1f} s after there was room")
            self.assertLess(waited, NEXT_COMMIT_SECONDS)
            versions = [m["version"] for m in coordinator.admin("model", "list", "activity")]
            self.assertEqual(versions[0], committed())
            self.assertEqual(coordinator.end(), 0)


if __name__ == "__main__":
    unittest.main()
