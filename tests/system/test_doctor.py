"""`sotto doctor` on sound and damaged folders."""

import json
import os
import shutil
import unittest

from sotto_process import Coordinator, SystemTest, run, run_ok, write_task


class Doctor(SystemTest):
    def test_it_names_what_a_start_would_refuse(self):
        data = self.folder / "coordinator"
        with Coordinator(data) as coordinator:
            coordinator.admin("task", "create", "--file", write_task(self.folder))
            said = run_ok("doctor", "--data-dir", data)
            self.assertRegex(said, r"in use +\S+sotto.db")
            self.assertIn("a coordinator runs on this folder", said)
            self.assertNotIn("NOT SOUND", said)
            report = json.loads(run_ok("doctor", "--data-dir", data, "--json"))
            self.assertEqual((report["running"], report["sound"]), (True, True))
            self.assertEqual([c["sound"] for c in report["checks"] if "sotto.db" in c["what"]], [None])
            coordinator.end()
        run_ok("doctor", "--data-dir", data)
        for name in ("coordinator-key.pem", "tls/ca.pem", "authority", "audit.jsonl"):
            (data / name).rename(self.folder / "aside")
            self.assert_refused(run("doctor", "--data-dir", data), 1, name)
            (self.folder / "aside").rename(data / name)
        acts = (data / "audit.jsonl").read_text()
        (data / "audit.jsonl").write_text(acts.replace("create task", "delete task") + acts)
        self.assert_refused(run("doctor", "--data-dir", data), 1, "audit.jsonl, line 2")
        (data / "audit.jsonl").write_text(acts)
        damaged = bytearray((data / "sotto.db").read_bytes())
        at = damaged.index(b'"learning_rate":0.')
        damaged[at + 18] ^= 1
        (data / "sotto.db").write_bytes(damaged)
        done = run("doctor", "--data-dir", data, "--json")
        self.assertEqual(done.returncode, 1)
        report = json.loads(done.stdout)
        self.assertEqual((report["kind"], report["sound"]), ("coordinator", False))
        wrong = [check for check in report["checks"] if check["sound"] is False]
        self.assertEqual(len(wrong), 1)
        self.assertIn("sotto.db", wrong[0]["what"])
        self.assertIn("task", wrong[0]["problem"])
        served = run("serve", "--local-authority", "--data-dir", data, "--listen", "127.0.0.1:0")
        self.assert_refused(served, 1, "does not match its digest", "restore")

    def test_it_names_private_keys_that_others_may_read(self):
        data, device = self.folder / "coordinator", self.folder / "device"
        with Coordinator(data) as coordinator:
            coordinator.end()
        device.mkdir()
        run_ok("authority", "enroll", "kitchen", "--authority", data / "authority", "-o",
               device / "kitchen.pem")
        for folder, name in ((data, "authority/authority-key.pem"), (data, "coordinator-key.pem"),
                             (data, "tls/ca-key.pem"), (device, "kitchen.pem")):
            run_ok("doctor", "--data-dir", folder)
            (folder / name).chmod(0o640)
            self.assert_refused(run("doctor", "--data-dir", folder), 1, name, "0640", "chmod 600")
            (folder / name).chmod(0o600)

    def test_an_empty_database_is_none_also_without_its_step(self):
        data, helper = self.folder / "coordinator", self.folder / "helper"
        with Coordinator(data) as coordinator:
            coordinator.end()
        run_ok("helper", "init", "--data-dir", helper)
        for step in (b"", None):
            for file in (data / "sotto.db", helper / "answered.db"):
                file.write_bytes(b"")
                beside = file.with_name(file.name + ".step")
                beside.write_bytes(step) if step is not None else beside.unlink()
            served = run("serve", "--local-authority", "--data-dir", data, "--listen", "127.0.0.1:0")
            self.assert_refused(served, 1, "sotto.db", "had one")
            served = run("helper", "serve", "--authority", data / "authority" / "authority.pem",
                         "--data-dir", helper, "--listen", "127.0.0.1:0")
            self.assert_refused(served, 1, "answered.db is empty")

    def test_a_pipe_a_link_or_a_folder_is_no_file(self):
        data = self.folder / "coordinator"
        with Coordinator(data) as coordinator:
            coordinator.end()
        aside = self.folder / "aside"

        def replaced(name, make, words):
            (data / name).rename(aside)
            make(data / name)
            serve = run("serve", "--data-dir", data, "--listen", "127.0.0.1:0", timeout=30)
            self.assert_refused(serve, 1, str(data / name), words)
            self.assert_refused(run("doctor", "--data-dir", data, timeout=30), 1, str(data / name), words)
            (data / name).rmdir() if (data / name).is_dir() else (data / name).unlink()
            aside.rename(data / name)

        for name in ("sotto.db", "sotto.db.step", "audit.jsonl", "coordinator-key.pem", "tls/ca.pem",
                     "tls/server.pem", "authority/register.txt"):
            with self.subTest(name=name):
                replaced(name, os.mkfifo, "it is a pipe")
        replaced("sotto.db.step", os.mkdir, "it is a folder")
        replaced("sotto.db.step", lambda path: path.symlink_to(aside), "it is a link")
        run_ok("doctor", "--data-dir", data)

    def test_it_knows_helpers_and_devices(self):
        helper, device = self.folder / "helper", self.folder / "device"
        run_ok("helper", "init", "--data-dir", helper)
        self.assertIn("sound", run_ok("doctor", "--data-dir", helper))
        (helper / "helper-public.hex").write_text("0" * 64 + "\n")
        self.assert_refused(run("doctor", "--data-dir", helper), 1, "helper-key.hex", "backup")
        device.mkdir()
        self.assert_refused(run("doctor", "--data-dir", device), 1, "holds nothing")
        run_ok("authority", "create", "--authority", self.folder / "authority")
        run_ok("authority", "enroll", "kitchen", "--authority", self.folder / "authority", "-o",
               device / "kitchen.pem")
        shutil.copy(self.folder / "authority" / "authority.pem", device)
        run_ok("doctor", "--data-dir", device)
        text = (device / "kitchen.pem").read_text()
        (device / "kitchen.pem").write_text(text[:len(text) // 2])
        self.assert_refused(run("doctor", "--data-dir", device), 1, "kitchen.pem", "backup")


if __name__ == "__main__":
    unittest.main()
