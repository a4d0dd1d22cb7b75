"""What operators do to tasks, with a real coordinator."""

import resource
import signal
import subprocess
import time
import unittest

from sotto_process import BINARY, Coordinator, FleetTest, run, run_ok


class SteeringTest(FleetTest):
    def steer(self, coordinator, *arguments):
        return run(*arguments, "--data-dir", coordinator.data_dir)

    def model_bytes(self, coordinator, task, version):
        file = self.folder / f"{task}-{version}.bin"
        coordinator.admin("model", "export", task, "--version", version, "--output", file)
        return file.read_bytes()


class Steering(SteeringTest):
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
