"""`sotto serve` and `sotto device run` as processes that are killed and come back."""

import signal
import unittest

from sotto_process import Coordinator, FleetTest, run_ok, wait_until


class Restart(FleetTest):
    def committed(self, coordinator):
        return coordinator.admin("task", "show", "activity")["rounds_committed"]

    def test_a_killed_coordinator_continues_from_its_last_committed_model(self):
        data_dir = self.folder / "coordinator"
        coordinator = Coordinator(data_dir).start()
        self.create_task(coordinator)
        devices = self.fleet(coordinator)
        wait_until(lambda: self.committed(coordinator) >= 2, what="two committed rounds")
        coordinator.end(signal.SIGKILL)  # at no particular moment: between rounds or inside one

        with Coordinator(data_dir, port=coordinator.port) as again:
            before = again.admin("task", "show", "activity")
            self.assertGreaterEqual(before["rounds_committed"], 2)
            self.assertEqual(before["model_version"], before["rounds_committed"])
            wait_until(lambda: self.committed(again) >= before["rounds_committed"] + 2, timeout=90,
                       what="two more rounds after the restart, by devices that reconnected by themselves")
            versions = [m["version"] for m in again.admin("model", "list", "activity")]
            self.assertEqual(versions, sorted(set(versions), reverse=True))
            self.assertEqual(again.end(), 0)
        for device in devices:
            self.assertIsNone(device.process.poll(), device.log_text())

    def test_a_round_with_too_few_devices_is_waited_for_and_said_so(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator, participants=5, participants_min=5, report_within_ms=3000)
            self.fleet(coordinator)
            waiting = wait_until(
                lambda: (t := coordinator.admin("task", "show", "activity")) and "joined" in t["waiting_for"]
                and t, what="devices to join")
            self.assertGreater(waiting["waiting_until_ms"], 0)
            abandoned = wait_until(lambda: coordinator.admin("round", "list", "activity"),
                                   what="the round to end")[-1]
            self.assertEqual(abandoned["outcome"], "abandoned")
            self.assertIn("5", abandoned["reason"])
            self.assertEqual(coordinator.admin("task", "show", "activity")["model_version"], 0)

    def test_pause_finishes_and_resume_goes_on(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator)
            self.fleet(coordinator)
            wait_until(lambda: self.committed(coordinator) >= 1, what="a committed round")
            self.assertEqual(coordinator.admin("task", "pause", "activity")["state"], "paused")
            wait_until(lambda: "paused" in coordinator.admin("task", "show", "activity")["waiting_for"],
                       what="the running round to finish")
            paused_at = self.committed(coordinator)
            coordinator.admin("task", "resume", "activity")
            wait_until(lambda: self.committed(coordinator) > paused_at, what="a round after the pause")

    def test_the_model_can_be_exported_and_watched_to_completion(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator, rounds=2)
            self.fleet(coordinator)
            run_ok("task", "watch", "activity", "--data-dir", coordinator.data_dir, timeout=60)
            file = self.folder / "model.bin"
            exported = coordinator.admin("model", "export", "activity", "--output", file)
            self.assertEqual(exported["version"], 2)
            self.assertEqual(file.stat().st_size, exported["bytes"])
            shown = coordinator.admin("round", "show", "activity", "2")
            self.assertEqual((shown["outcome"], shown["collected"]), ("committed", 3))


if __name__ == "__main__":
    unittest.main()
