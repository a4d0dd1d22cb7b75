"""What operators do to running tasks, with real processes."""

import signal
import unittest

from sotto_process import Coordinator, FleetTest, run, run_ok, wait_until


class Steering(FleetTest):
    def committed(self, coordinator):
        return coordinator.admin("task", "show", "activity")["rounds_committed"]

    def steer(self, coordinator, *arguments):
        return run(*arguments, "--data-dir", coordinator.data_dir)

    def model_bytes(self, coordinator, task, version):
        file = self.folder / f"{task}-{version}.bin"
        coordinator.admin("model", "export", task, "--version", version, "--output", file)
        return file.read_bytes()

    def test_a_rolled_back_model_is_learnt_from_and_survives_a_kill(self):
        data_dir = self.folder / "coordinator"
        with Coordinator(data_dir) as coordinator:
            self.create_task(coordinator)
            devices = self.fleet(coordinator)
            wait_until(lambda: self.committed(coordinator) >= 2, what="two committed rounds")
            wanted = self.model_bytes(coordinator, "activity", 1)
            after = coordinator.admin("model", "rollback", "activity", 1, "--reason", "it drifted")
            coordinator.end(signal.SIGKILL)
        with Coordinator(data_dir, port=coordinator.port) as again:
            models = {m["version"]: m for m in again.admin("model", "list", "activity")}
            back = models[after["model_version"]]
            self.assertEqual(back["note"], "rolled back to version 1: it drifted")
            self.assertEqual(self.model_bytes(again, "activity", back["version"]), wanted)
            wait_until(lambda: again.admin("task", "show", "activity")["model_version"] > back["version"],
                       timeout=90, what="a round on the model that was gone back to")
            for device in devices:
                self.assertIsNone(device.process.poll(), device.log_text())

    def test_a_branch_begins_with_the_bytes_of_its_version(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator)
            made = coordinator.admin("model", "branch", "activity", 0, "--name", "other", "--reason", "trial")
            self.assertEqual((made["name"], made["model_version"]), ("other", 0))
            self.assertEqual(self.model_bytes(coordinator, "other", 0),
                             self.model_bytes(coordinator, "activity", 0))
            self.assertEqual(coordinator.admin("model", "list", "other")[0]["note"],
                             "version 0 of task 'activity': trial")
            self.assert_refused(
                self.steer(coordinator, "model", "branch", "activity", 0, "--name", "other"), 1, "exists")
            self.assert_refused(
                self.steer(coordinator, "model", "branch", "activity", 9, "--name", "third"), 1, "version 9")

    def test_an_aborted_round_is_on_record_and_the_fleet_goes_on(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator, participants=4, participants_min=4, report_within_ms=600000)
            self.assert_refused(self.steer(coordinator, "round", "abort", "activity"), 1, "no round at work")
            self.fleet(coordinator)
            wait_until(lambda: "joined" in coordinator.admin("task", "show", "activity")["waiting_for"],
                       what="devices to join")
            coordinator.admin("round", "abort", "activity", "--reason", "one is missing")
            record = wait_until(lambda: coordinator.admin("round", "list", "activity"), what="the record")[-1]
            self.assertEqual(record["reason"], "aborted by an operator: one is missing")
            wait_until(lambda: "joined" in coordinator.admin("task", "show", "activity")["waiting_for"],
                       what="devices to join the next round")

    def test_a_deleted_task_is_gone_for_good(self):
        data_dir = self.folder / "coordinator"
        with Coordinator(data_dir) as coordinator:
            first = self.create_task(coordinator)["id"]
            self.fleet(coordinator)
            wait_until(lambda: self.committed(coordinator) >= 1, what="a committed round")
            self.assert_refused(self.steer(coordinator, "task", "delete", "activity"), 1, "--force")
            self.assert_refused(self.steer(coordinator, "task", "delete", "nobody"), 1, "nobody")
            run_ok("task", "delete", "activity", "--force", "--data-dir", data_dir)
            coordinator.end(signal.SIGKILL)
        with Coordinator(data_dir, port=coordinator.port) as again:
            self.assertEqual(again.admin("task", "list"), [])
            self.assertGreater(self.create_task(again)["id"], first)
            wait_until(lambda: self.committed(again) >= 1, timeout=90,
                       what="a round of the new task, by devices that knew the old one")

    def test_wrong_input_is_named(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator)
            self.assert_refused(self.steer(coordinator, "model", "rollback", "nobody", 0), 1, "nobody")
            self.assert_refused(self.steer(coordinator, "model", "rollback", "activity", 7), 1, "version 7")
            self.assert_refused(self.steer(coordinator, "model", "rollback", "activity", "x"), 2)
            self.assert_refused(self.steer(coordinator, "model", "rollback", "activity"), 2, "version")
            self.assertEqual(len(coordinator.admin("model", "list", "activity")), 1)


if __name__ == "__main__":
    unittest.main()
