"""What every command does with the files it writes: whole or not at all, and never in silence."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import time
import unittest

from sotto_process import BINARY, Coordinator, SystemTest, free_port, run, run_ok, write_task

MODELS_DIR = pathlib.Path(os.environ.get("SOTTO_MODELS_DIR",
                                         pathlib.Path(__file__).resolve().parents[3] / "shared" / "models"))
MODEL = MODELS_DIR / "kws_ref_model.tflite"
INPUT = MODELS_DIR / "golden" / "kws_in.bin"


def limited_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))


class Places(SystemTest):
    """A table: what a command is called with to write `place`, and whether it may replace a file."""

    def commands(self):
        authority = self.folder / "authority"
        run_ok("authority", "create", "--authority", authority)
        names = iter(f"device-{i}" for i in range(100))
        run_ok("authority", "enroll", "renewed", "--authority", authority, "-o", self.folder / "renewed.pem")
        image_run = ("image", "run", MODEL, "--input", INPUT, "--output")
        of_images = {
            "image compile": (lambda place: ("image", "compile", MODEL, "-o", place), True),
            "image run --output": (lambda place: (*image_run, place), True),
            "image run --logits": (lambda place: (*image_run, "/dev/null", "--logits", place), True),
            "image run --layers-crc": (lambda place: (*image_run, "/dev/null", "--layers-crc", place), True),
        } if INPUT.exists() else {}
        simulate = ("simulate", "motion", "--devices", 4, "--rounds", 1, "--quiet")
        return of_images | {
            "simulate --json": (lambda place: (*simulate, "--json", place), True),
            "simulate --report": (lambda place: (*simulate, "--report", place), True),
            "authority enroll": (lambda place: ("authority", "enroll", next(names), "--authority", authority,
                                                "-o", place), False),
            "authority renew": (lambda place: ("authority", "renew", "renewed", "--authority", authority,
                                               "-o", place), False),
            "model export": (lambda place: ("model", "export", "activity", "--data-dir",
                                            self.folder / "coordinator", "--output", place), True),
        }

    def test_every_command_minds_its_outputs(self):
        with Coordinator(self.folder / "coordinator") as one:
            one.admin("task", "create", "--file", write_task(self.folder))
            for name, (command, replaces) in self.commands().items():
                with self.subTest(name):
                    self.check_failures(command)
                    if replaces:
                        self.check_replacement(command)
                    self.check_standard_output(command)

    def check_failures(self, command):
        missing = self.folder / "missing" / "file"
        self.assert_refused(run(*command(missing)), 1, str(missing), "make its folder")
        self.assert_refused(run(*command(self.folder)), 1, str(self.folder))
        self.assert_refused(run(*command("/dev/full")), 1, "/dev/full", "space")

    def check_replacement(self, command):
        place = self.folder / "kept"
        place.write_text("what was there")
        beside = self.folder / "kept.new"
        beside.write_text("somebody else's")
        before = sorted(self.folder.iterdir())
        self.assert_refused(run(*command(place), preexec_fn=limited_files), 1, str(place), "limit")
        self.assertEqual(place.read_text(), "what was there")
        self.assertEqual(sorted(self.folder.iterdir()), before)
        run_ok(*command(place))
        self.assertNotEqual(place.read_bytes(), b"what was there")
        self.assertEqual(beside.read_text(), "somebody else's")
        place.unlink()
        beside.unlink()

    def check_standard_output(self, command):
        done = subprocess.run([BINARY, *map(str, command("-"))], capture_output=True, timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(len(done.stdout), 100)
        self.assertFalse(pathlib.Path("-").exists())
        for said in (b"wrote ", b"accuracy 0", b"enrolled ", b"renewed "):
            self.assertFalse(done.stdout.startswith(said), done.stdout[:80])
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, *map(str, command("-"))], stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=120, check=False)
        self.assert_refused_text(done, "standard output")

    def assert_refused_text(self, done, word):
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(word, done.stderr)

    def test_one_place_cannot_be_two_outputs(self):
        done = run("simulate", "motion", "--json", "-", "--report", "-", timeout=10)
        self.assert_refused(done, 2, "two outputs")

    def test_no_output_destroys_what_is_read(self):
        key, other = self.folder / "key.pem", self.folder / "public.pem"
        same = f"{self.folder}/./key.pem"
        self.assert_refused(run("model", "key", "--output", key, "--public-key", same), 2, "two outputs")
        self.assert_refused(run("model", "key", "--output", "-", "--public-key", other), 2, "files")
        run_ok("model", "key", "--output", key, "--public-key", other)
        before = key.read_bytes()
        model, image = self.folder / "model.tflite", self.folder / "image"
        subprocess.run([os.environ["SOTTO_HEAD_MODEL"], model], check=True)
        run_ok("image", "compile", model, "-o", image)
        sign = ("model", "sign", image, "--task", "t", "--class", "c", "--key", key, "--sequence", 1,
                "--output")
        run_ok(*sign, self.folder / "manifest")
        for place in (key, same, image):
            self.assert_refused(run(*sign, place), 2, "is what the command reads")
        self.assertEqual(key.read_bytes(), before)
        content = model.read_bytes()
        self.assert_refused(run("image", "compile", model, "-o", model), 2, "is what the command reads")
        self.assertEqual(model.read_bytes(), content)

    def test_what_is_printed_and_does_not_arrive_is_an_error(self):
        for command in (["task", "fields"], ["task", "example"], ["--help"], ["serve", "--help"],
                        ["--version"], ["simulate", "motion", "--devices", "4", "--rounds", "1"]):
            with self.subTest(command=command), open("/dev/full", "wb") as full:
                done = subprocess.run([BINARY, *command], stdout=full, stderr=subprocess.PIPE, text=True,
                                      timeout=120, check=False)
                self.assert_refused_text(done, "standard output")


class ExitCodes(SystemTest):
    def test_an_interrupted_experiment_says_so(self):
        file = self.folder / "result.json"
        process = subprocess.Popen([BINARY, "simulate", "motion", "--devices", "4", "--rounds", "1000000",
                                    "--json", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        while not process.stdout.readline().startswith("round"):
            pass
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 4, said)
        self.assertIn("interrupted after", said)
        self.assertIs(json.loads(file.read_text())["interrupted"], True)

    def test_an_experiment_that_learned_nothing_says_so(self):
        done = run("simulate", "motion", "--devices", 4, "--rounds", 2, "--dropout", 0.99, "--seed", 1)
        self.assert_refused(done, 3, "nothing was learned")

    def test_numbers_below_0_are_not_taken_for_large_ones(self):
        file = self.folder / "file"
        file.touch()
        self.assert_refused(run("model", "sign", file, "--task", "t", "--class", "c", "--key", file,
                                "--output", "m", "--sequence", "-1"), 2, "-1", "below 0")
        self.assert_refused(run("round", "show", "activity", "-1"), 2, "-1")
        self.assert_refused(run("model", "rollback", "activity", "-1"), 2, "-1")

    def test_numbers_beyond_their_types_are_refused(self):
        huge = "99999999999999999999"
        for command in (["simulate", "motion", "--seed", huge],
                        ["simulate", "motion", "--devices", "4294967296"],
                        ["simulate", "motion", "--rounds", huge], ["round", "show", "activity", huge],
                        ["simulate", "motion", "--dropout", "nan"],
                        ["simulate", "motion", "--dirichlet-alpha", "1e999"],
                        ["device", "run", "--vectors-per-task", "4294967296"]):
            with self.subTest(command=command):
                self.assert_refused(run(*command, timeout=20), 2, command[-1])
        for key, value in (("rounds", 4294967296), ("rounds", int(huge)), ("cohort_max", 65537),
                           ("seed", -1)):
            with self.subTest(key=key, value=value):
                done = run("task", "create", "--file", write_task(self.folder, **{key: value}), "--data-dir",
                           self.folder)
                self.assert_refused(done, 2, "task.toml")


class Device(SystemTest):
    def test_a_wrong_port_is_said_at_once_however_quiet_the_device(self):
        run_ok("dataset", "export", "motion", self.folder / "fleet", "--devices", 1)
        with Coordinator(self.folder / "one") as one:
            address = f"localhost:{free_port()}"
            began = time.monotonic()
            process = subprocess.Popen([BINARY, "device", "run", "--coordinator", address, "--ca", one.ca,
                                        "--identity", one.enroll("d"), "--id", "d", "--population", "p",
                                        "--data", self.folder / "fleet" / "wearer-1", "--quiet"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.addCleanup(lambda: (process.kill(), process.wait(), process.stderr.close()))
            line = process.stderr.readline()
            self.assertIn(address, line)
            self.assertLess(time.monotonic() - began, 10)
            process.send_signal(signal.SIGHUP)
            self.assertEqual(process.wait(timeout=20), 0, "as at SIGTERM")

    def test_messages_name_flags(self):
        run_ok("dataset", "export", "motion", self.folder / "fleet", "--devices", 1)
        common = ["device", "run", "--id", "d", "--population", "p", "--data",
                  self.folder / "fleet" / "wearer-1", "--quiet"]
        done = run(*common, "--coordinator", "localhost:1", "--ca", self.folder / "none.pem")
        self.assert_refused(done, 2, "--ca", "none.pem")
        self.assertNotIn("ca_file", done.stderr)
        done = run(*common, "--coordinator", "::1:7443", "--ca", self.folder / "none.pem")
        self.assert_refused(done, 2, "--coordinator", "[::1]:7443")

    def test_a_model_that_is_too_large_is_refused_with_both_numbers(self):
        run_ok("dataset", "export", "motion", self.folder / "fleet", "--devices", 1)
        with Coordinator(self.folder / "one") as one:
            one.admin("task", "create", "--file", write_task(self.folder))
            command = ["device", "run", "--coordinator", one.address, "--ca", one.ca, "--identity",
                       one.enroll("d"), "--id", "d", "--population", "wearables", "--data",
                       self.folder / "fleet" / "wearer-1", "--parameters-max", "509"]
            process = subprocess.Popen([BINARY, *map(str, command)], stderr=subprocess.PIPE, text=True,
                                       stdout=subprocess.DEVNULL)
            self.addCleanup(lambda: (process.kill(), process.wait(), process.stderr.close()))
            line = process.stderr.readline()
            self.assertIn("510 parameters", line)
            self.assertIn("509", line)


if __name__ == "__main__":
    unittest.main()
