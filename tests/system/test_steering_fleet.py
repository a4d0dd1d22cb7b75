"""What operators do to running tasks, with real devices."""

import os
import signal
import unittest

from sotto_process import Coordinator, run_ok, wait_until
from test_steering import SteeringTest


class SteeringOfAFleet(SteeringTest):
    def committed(self, coordinator):
        return coordinator.admin("task", "show", "activity")["rounds_committed"]

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

    def test_an_edit_holds_from_the_next_round_on_and_over_a_kill(self):
        data_dir = self.folder / "coordinator"
        with Coordinator(data_dir) as coordinator:
            self.create_task(coordinator, participants=4, participants_min=3, report_within_ms=600000)
            self.fleet(coordinator)
            wait_until(lambda: "3 of 4" in coordinator.admin("task", "show", "activity")["waiting_for"],
                       what="devices to join a round of four")
            edited = coordinator.admin("task", "edit", "activity", "participants=3",
                                       "training.learning_rate=0.02", "--reason", "one has left")
            self.assertEqual((edited["participants"], edited["learning_rate"]), (3, 0.02))
            coordinator.end(signal.SIGKILL)
        with Coordinator(data_dir, port=coordinator.port) as again:
            self.assertEqual(again.admin("task", "show", "activity")["participants"], 3)
            wait_until(lambda: self.committed(again) >= 1, timeout=90, what="a round of three")
            [line] = [a for a in again.admin("audit", "show") if a["what"] == "edit task"]
            self.assertEqual(line["who"], f"uid {os.getuid()}")
            self.assertEqual(line["reason"], "one has left")
            self.assertIn({"key": "participants", "from": "4", "to": "3"}, line["changes"])

    def test_a_task_ends_at_its_target(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator)
            coordinator.admin("task", "edit", "activity", "stop.metric=correct", "stop.at=0.01")
            self.fleet(coordinator)
            done = wait_until(
                lambda: (t := coordinator.admin("task", "show", "activity"))["state"] == "complete" and t,
                what="the target")
            self.assertLess(done["rounds_committed"], done["rounds"])
            self.assertIn("stop rule", done["waiting_for"])

    def test_versions_are_evaluated_on_examples_of_the_operators_own(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator, rounds=2)
            self.fleet(coordinator)
            wait_until(lambda: self.committed(coordinator) >= 2, what="two rounds")
            test = self.folder / "motion" / "test"
            versions = coordinator.admin("model", "evaluate", "activity", "--data", test, "--version", "all")
            self.assertEqual([v["version"] for v in versions], [2, 1, 0])
            for version in versions:
                self.assertTrue(0 <= version["accuracy"] <= 1 and version["loss"] > 0, version)
            self.assertLess(versions[0]["loss"], versions[2]["loss"])
            last = coordinator.admin("model", "evaluate", "activity", "--data", test)
            self.assertEqual(last, versions[:1])
            nowhere = self.folder / "nowhere"
            self.assert_refused(self.steer(coordinator, "model", "evaluate", "activity", "--data", nowhere),
                                2, "nowhere")
            self.assert_refused(
                self.steer(coordinator, "model", "evaluate", "activity", "--data", test, "--version", 7), 1,
                "version 7")

    def test_devices_are_listed_banned_and_let_back_in(self):
        data_dir = self.folder / "coordinator"
        with Coordinator(data_dir) as coordinator:
            self.create_task(coordinator)
            devices = self.fleet(coordinator, count=4)
            wait_until(lambda: self.committed(coordinator) >= 1, what="a committed round")
            listed = wait_until(
                lambda: len(d := {d["id"]: d for d in coordinator.admin("device", "list")}) == 4 and d,
                what="four devices to be seen")
            self.assertEqual(set(listed), {f"device-{i}" for i in range(4)})
            self.assertEqual(len(listed["device-0"]["identity"]), 64)
            fleet = coordinator.admin("fleet")
            self.assertEqual((fleet["known"], fleet["seen_in_minute"], fleet["banned"]), (4, 4, 0))

            coordinator.admin("device", "ban", listed["device-0"]["identity"], "--reason", "it lies")
            wait_until(lambda: "it lies" in devices[0].log_text(), what="the device to be told")
            coordinator.end(signal.SIGKILL)
        with Coordinator(data_dir, port=coordinator.port) as again:
            [ban] = [d for d in again.admin("device", "list") if d["banned"]]
            self.assertEqual(ban["ban_reason"], "it lies")
            before = self.committed(again)
            wait_until(lambda: self.committed(again) >= before + 1, timeout=90, what="a round of the others")
            shown = again.admin("device", "show", listed["device-0"]["identity"])
            self.assertEqual((shown[0]["banned"], shown[0]["state"]), (True, "away"))
            self.assertEqual(again.admin("fleet")["banned"], 1)
            run_ok("device", "unban", listed["device-0"]["identity"], "--data-dir", data_dir)
            self.assertEqual(again.admin("fleet")["banned"], 0)
            self.assert_refused(self.steer(again, "device", "unban", "device-0"), 1, "not banned")
            self.assert_refused(self.steer(again, "device", "show", "nobody"), 1, "nobody")
            self.assert_refused(self.steer(again, "device", "ban", "bad name!"), 2, "device")
            said = run_ok("device", "ban", "nobody", "--data-dir", data_dir)
            self.assertIn("no device of that name was seen", said)
            run_ok("device", "unban", "nobody", "--data-dir", data_dir)
            self.assertEqual([a["what"] for a in again.admin("audit", "show")][-2:],
                             ["ban device", "unban device"])


if __name__ == "__main__":
    unittest.main()
