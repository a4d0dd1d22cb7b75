"""A coordinator whose disk fills up, and what it does when there is room again (label long; needs root)."""

import os
import subprocess
import time
import unittest

from sotto_process import Coordinator, FleetTest, run, wait_until

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

    def told(self, coordinator):
        """The task's state, as the audit log has it: acts, without those that are said to have failed."""
        state = before = "active"
        for act in coordinator.admin("audit", "show"):
            if act["what"] in ("pause task", "resume task"):
                state, before = {"pause task": "paused", "resume task": "active"}[act["what"]], state
            elif act["what"] == "failed":
                state = before
        return state

    def test_the_audit_log_tells_of_no_act_that_did_not_happen(self):
        with Coordinator(self.disk) as coordinator:
            self.create_task(coordinator)
            refused = done = 0
            for free_pages in [*[0] * 60, *range(0, 40, 4)]:  # a page of the log ends within the first ones
                self.fill()
                filler = self.disk / "filler"
                os.truncate(filler, filler.stat().st_size - free_pages * 4096)
                state = coordinator.admin("task", "show", "activity")["state"]
                self.assertEqual(self.told(coordinator), state, f"{free_pages} pages free")
                act = run("task", "pause" if state == "active" else "resume", "activity", "--data-dir",
                          self.disk)
                refused, done = refused + (act.returncode != 0), done + (act.returncode == 0)
                now = coordinator.admin("task", "show", "activity")["state"]
                self.assertEqual(now != state, act.returncode == 0, act.stderr)
                self.assertEqual(self.told(coordinator), now, f"{free_pages} pages free: {act.stderr}")
                coordinator.admin("audit", "verify")
            self.assertGreater(refused, 0)
            self.assertGreater(done, 0)
            coordinator.end()


if __name__ == "__main__":
    unittest.main()
