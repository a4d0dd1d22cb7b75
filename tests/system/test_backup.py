"""`sotto backup` and `restore` while a fleet runs (label long)."""

import shutil
import unittest

from sotto_process import Coordinator, FleetTest, run, run_ok, wait_until


class Backup(FleetTest):
    def test_devices_go_on_with_a_coordinator_that_was_restored_while_others_ran(self):
        data, backup = self.folder / "coordinator", self.folder / "backup.db"
        coordinator = Coordinator(data).start()
        self.create_task(coordinator)
        self.fleet(coordinator)

        def committed(of):
            return of.admin("task", "show", "activity")["rounds_committed"]

        wait_until(lambda: committed(coordinator) >= 2, what="two committed rounds")
        written = coordinator.admin("backup", "--to", backup)
        self.assertEqual(written["bytes"], backup.stat().st_size)
        self.assertEqual(backup.stat().st_mode & 0o777, 0o600)
        self.assert_refused(run("backup", "--to", backup, "--data-dir", data), 1, "there is a file")
        self.assertIn("sound", run_ok("restore", "--from", backup, "--check"))
        at_backup = committed(coordinator)
        wait_until(lambda: committed(coordinator) > at_backup, what="rounds that the backup does not know")
        coordinator.process.kill()
        coordinator.process.wait()
        shutil.rmtree(data)  # the disk is gone
        run_ok("restore", "--from", backup, "--data-dir", data)
        self.assert_refused(run("restore", "--from", backup, "--data-dir", data), 1, "is not empty")
        other = self.folder / "other"
        (self.folder / "other.restoring").mkdir()
        self.assert_refused(run("restore", "--from", backup, "--data-dir", other), 1, "cut short")
        self.assertIn("sound", run_ok("doctor", "--data-dir", data))
        self.assert_refused(run("backup", "--to", "-", "--data-dir", data), 2, "standard output")
        with Coordinator(data, port=coordinator.port) as again:
            restored = committed(again)
            self.assertGreaterEqual(restored, 2)
            wait_until(lambda: committed(again) > restored, timeout=120,
                       what="a round of devices that know later ones than the backup")
            newest = again.admin("round", "list", "activity")[0]["round"]
            self.assertIsInstance(newest, str, "a number that readers of JSON would round")
            self.assertGreater(int(newest), 1 << 53, "in an epoch that nobody has used")
            shown = again.admin("round", "show", "activity", newest)
            self.assertEqual(shown["round"], newest)


if __name__ == "__main__":
    unittest.main()
