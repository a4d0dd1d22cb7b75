"""What operators do to running tasks, with real processes."""

import os
import resource
import signal
import subprocess
import time
import unittest

from sotto_process import BINARY, Coordinator, FleetTest, run, run_ok, wait_until


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

    def test_what_is_fixed_is_refused_with_why(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            before = self.create_task(coordinator)
            for change, code, words in (
                    ("model.features=7", 2, ("model.features is fixed", "--initial")),
                    ("aggregation.cohort_min=4", 2, ("aggregation.cohort_min is fixed",)),
                    ("participants=0", 2, ("participants = 0",)),
                    ("participants=many", 2, ("participants must be a whole number",)),
                    ("no_such_key=1", 2, ("unknown key 'no_such_key'",)),
                    ("participants", 2, ("key=value",))):
                self.assert_refused(self.steer(coordinator, "task", "edit", "activity", change), code, *words)
            self.assert_refused(self.steer(coordinator, "task", "edit", "nobody", "rounds=9"), 1, "nobody")
            after = coordinator.admin("task", "show", "activity")
            self.assertEqual(after["participants"], before["participants"])

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

    def test_acts_are_chained_and_a_change_shows(self):
        data_dir = self.folder / "coordinator"
        with Coordinator(data_dir) as coordinator:
            self.create_task(coordinator)
            coordinator.admin("task", "pause", "activity")
            coordinator.admin("task", "resume", "activity")
            self.assertEqual(coordinator.admin("audit", "verify")["lines"], 3)
        file = data_dir / "audit.jsonl"
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        file.write_text(file.read_text().replace("pause task", "pause tusk"))
        self.assert_refused(run("audit", "verify", "--data-dir", data_dir), 1, "line 3", "line 2 was changed")
        self.assert_refused(run("audit", "show", "--data-dir", data_dir), 1, "line 3")
        self.assert_refused(run("audit", "verify", "--data-dir", self.folder), 1, "no audit log")

    def test_an_act_that_cannot_be_recorded_is_not_carried_out(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.create_task(coordinator)
            record = (coordinator.data_dir / "audit.jsonl").read_text()
            limit = len(record) + 10
            _, most = resource.prlimit(coordinator.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(coordinator.process.pid, resource.RLIMIT_FSIZE, (limit, most))
            self.assert_refused(self.steer(coordinator, "task", "pause", "activity"), 1, "audit log",
                                "nothing was done")
            resource.prlimit(coordinator.process.pid, resource.RLIMIT_FSIZE, (most, most))
            self.assertEqual(coordinator.admin("task", "show", "activity")["state"], "active")
            self.assertEqual((coordinator.data_dir / "audit.jsonl").read_text(), record)
            coordinator.admin("task", "pause", "activity")

    def test_an_act_is_there_or_not_whenever_the_coordinator_is_killed(self):
        data_dir = self.folder / "coordinator"
        coordinator = Coordinator(data_dir).start()
        self.create_task(coordinator)
        rounds = 1000
        for attempt in range(6):
            change = subprocess.Popen([BINARY, "task", "edit", "activity", f"rounds={2000 + attempt}",
                                       "--data-dir", str(data_dir)], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
            time.sleep(0.01 * attempt)
            coordinator.end(signal.SIGKILL)
            acknowledged = change.wait(timeout=30) == 0
            coordinator = Coordinator(data_dir, port=coordinator.port).start()
            now = coordinator.admin("task", "show", "activity")["rounds"]
            self.assertIn(now, (rounds, 2000 + attempt))
            if acknowledged:
                self.assertEqual(now, 2000 + attempt)
            recorded = [a for a in coordinator.admin("audit", "show") if a["what"] == "edit task"]
            if now != rounds:
                self.assertIn(str(now), [c["to"] for a in recorded for c in a["changes"]])
            rounds = now
        coordinator.end()

    def test_a_shell_completes_commands_and_options(self):
        script = self.folder / "sotto.bash"
        script.write_text(run_ok("completion", "bash"))
        for line, expected in (("sotto ta", "task"), ("sotto task ed", "edit"),
                               ("sotto model rollback --rea", "--reason"), ("sotto task nothing", "")):
            words = line.split()
            done = subprocess.run(
                ["bash", "-c", f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
                 "_sotto; echo ${COMPREPLY[@]}"], capture_output=True, text=True, timeout=20)
            self.assertEqual((done.stdout.strip(), done.stderr), (expected, ""))
        self.assertIn("bashcompinit", run_ok("completion", "zsh"))
        self.assert_refused(run("completion", "fish"), 2, "bash")

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
                                1, "nowhere")
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
            self.assertEqual([a["what"] for a in again.admin("audit", "show")][-2:],
                             ["ban device", "unban device"])

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
