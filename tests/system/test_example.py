"""examples/minimal_device as a developer runs it: three processes, a coordinator, a task."""

import os
import subprocess
import unittest

from sotto_process import Coordinator, SystemTest, write_task

EXAMPLE = os.environ.get("SOTTO_MINIMAL_DEVICE", "minimal_device")


class MinimalDevice(SystemTest):
    def test_three_of_them_learn_together(self):
        with Coordinator(self.folder / "one") as one:
            task = write_task(self.folder, name="line", population="examples", participants=3,
                              participants_min=3,
                              rounds=3, features=2, classes=2, learning_rate=0.5, weight_max=100)
            one.admin("task", "create", "--file", task)
            devices = [subprocess.Popen([EXAMPLE, one.address, str(one.ca), str(one.enroll(f"device-{i}")),
                                         f"device-{i}", "3"], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE) for i in range(3)]
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


if __name__ == "__main__":
    unittest.main()
