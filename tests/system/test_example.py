"""The examples as a developer runs them: three processes, a coordinator, a task."""

import os
import pathlib
import random
import struct
import subprocess
import unittest

from sotto_process import Coordinator, SystemTest, run, run_ok, write_task

EXAMPLE = os.environ.get("SOTTO_MINIMAL_DEVICE", "minimal_device")
REGRESSION = os.environ.get("SOTTO_REGRESSION_DEVICE", "regression_device")
CONVOLUTION = os.environ.get("SOTTO_CONVOLUTION_DEVICE", "convolution_device")
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


class MinimalDevice(SystemTest):
    def test_four_of_them_learn_together(self):
        with Coordinator(self.folder / "one") as one:
            task = write_task(self.folder, name="line", population="examples", participants=4,
                              participants_min=4, cohort_min=4, corrupt_fraction=0.1,
                              rounds=3, features=2, classes=2, labels="", learning_rate=0.5, weight_max=100)
            one.admin("task", "create", "--file", task)
            devices = [subprocess.Popen([EXAMPLE, one.address, str(one.ca), str(one.enroll(f"device-{i}")),
                                         f"device-{i}", "3"], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE) for i in range(4)]
            for device in devices:
                output, errors = device.communicate(timeout=60)
                self.assertEqual(device.returncode, 0, output + errors)
                self.assertEqual(output.count("\n"), 3)
                self.assertIn("counted: ", output)
            rounds = one.admin("round", "list", "line")
            self.assertEqual([r["outcome"] for r in rounds], ["committed"] * 3)
            self.assertGreater(rounds[0]["training_accuracy"], rounds[-1]["training_accuracy"])

    def test_without_a_ca_file_it_says_so(self):
        done = subprocess.run([EXAMPLE, "localhost:1", "/nonexistent/ca.pem", "identity.pem", "device", "1"],
                              text=True, timeout=30, capture_output=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/ca.pem", done.stderr)


class CustomModels(SystemTest):
    def learn(self, coordinator, program, rounds):
        """Four devices take part in so many rounds."""
        names = [f"device-{i}" for i in range(4)]
        devices = [subprocess.Popen([program, coordinator.address, str(coordinator.ca),
                                     str(coordinator.enroll(name)), name, str(rounds)],
                                    text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                   for name in names]
        for device in devices:
            output, _ = device.communicate(timeout=100)
            self.assertEqual(device.returncode, 0, output)

    def model(self, coordinator, task, version):
        file = self.folder / f"{task}-{version}.f32"
        run_ok("model", "export", task, "--version", version, "--output", file,
               "--data-dir", coordinator.data_dir)
        return file.read_bytes()

    def test_linear_regression_learns_its_rule_and_reports_its_error(self):
        with Coordinator(self.folder / "one") as one:
            created = one.admin("task", "create", "--file", EXAMPLES / "regression" / "task.toml")
            self.assertEqual(created["state"], "active")
            self.learn(one, REGRESSION, 6)
            rounds = one.admin("round", "list", "prices")
            errors = [r["training_squared_error"] for r in reversed(rounds)]
            self.assertGreater(errors[0], 2)  # of prices around zero, by a model that knows nothing yet
            self.assertLess(errors[-1], 0.01)
            self.assertNotIn("training_accuracy", rounds[0])
            area, age, base = struct.unpack("<3f", self.model(one, "prices", "latest"))
            for learned, rule in ((area, 3), (age, -2), (base, 0.5)):
                self.assertAlmostEqual(learned, rule, delta=0.1)
            table = run_ok("round", "list", "prices", "--data-dir", one.data_dir)
            self.assertIn("SQUARED_ERROR", table)
            self.assertNotIn("ACCURACY", table)
            watched = run_ok("task", "watch", "prices", "--data-dir", one.data_dir)
            self.assertIn(f"squared_error {errors[-1]:.4f}", watched)

    def test_a_convolution_begins_with_the_given_model_and_learns(self):
        draw = random.Random(1)
        initial = struct.pack("<50189f", *(draw.uniform(-0.05, 0.05) for _ in range(50189)))
        file = self.folder / "initial.f32"
        file.write_bytes(initial)
        with Coordinator(self.folder / "one") as one:
            one.admin("task", "create", "--file", EXAMPLES / "convolution" / "task.toml", "--initial", file)
            self.assertEqual(self.model(one, "stripes", 0), initial)
            self.learn(one, CONVOLUTION, 5)
            accuracy = [r["training_accuracy"] for r in reversed(one.admin("round", "list", "stripes"))]
            self.assertEqual(len(accuracy), 5)
            self.assertGreater(accuracy[-1], 0.95, accuracy)
            self.assertEqual(self.model(one, "stripes", 0), initial)

    def test_an_initial_model_in_numpys_form_or_of_a_wrong_size(self):
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }".ljust(117) + "\n"
        values = struct.pack("<3f", 1.5, -2.25, 0.1)
        npy = self.folder / "initial.npy"
        npy.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + values)
        short = self.folder / "short.f32"
        short.write_bytes(values[:8])
        task = EXAMPLES / "regression" / "task.toml"
        with Coordinator(self.folder / "one") as one:
            refused = run("task", "create", "--file", task, "--initial", short, "--data-dir", one.data_dir)
            self.assert_refused(refused, 2, "the initial model has 2 parameters, the task's model 3")
            one.admin("task", "create", "--file", task, "--initial", npy)
            self.assertEqual(self.model(one, "prices", 0), values)


if __name__ == "__main__":
    unittest.main()
