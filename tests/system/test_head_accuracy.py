"""`scripts/head-accuracy`: real int8 backbones, their heads trained by people whom they have never met
(real data and TensorFlow from PyPI: label long).
"""

import json
import pathlib
import subprocess
import unittest

from sotto_process import BINARY, DATA_DIR, SystemTest

SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
POINT = 0.01


class HeadAccuracy(SystemTest):
    def test_heads_learn_people_they_have_never_met_and_int8_costs_less_than_a_point(self):
        for name in ("fsdd", "uci_har"):
            self.require_data(name)
        help_text = subprocess.run([SOURCE_DIR / "scripts" / "train-backbones", "--help"],
                                   capture_output=True, text=True, timeout=900)
        if help_text.returncode != 0:
            self.skipTest("TensorFlow cannot be installed here: " + help_text.stderr.strip()[-200:])
        file = self.folder / "accuracy.json"
        done = subprocess.run([SOURCE_DIR / "scripts" / "head-accuracy", DATA_DIR, "--json", file, "--work",
                               self.folder / "work", "--sotto", BINARY], capture_output=True, text=True,
                              timeout=3000)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        result = json.loads(file.read_text())
        for run in result["runs"]:
            self.assertEqual(run["rounds_completed"], 30, run)
        for name, forms in result["means"].items():
            with self.subTest(data=name):
                for column in ("federated", "local"):
                    self.assertLessEqual(abs(forms["int8"][column] - forms["float32"][column]), POINT)
                for form in forms.values():
                    # What masks and int8 updates cost, beside float32 updates that everybody sees.
                    self.assertLess(form["float_updates"] - form["federated"], POINT)
                    # Backbones may know what the left-out people do already; learning must not unlearn it.
                    self.assertGreater(form["federated"], form["before"] - 2 * POINT)
                    self.assertIn(f"{100 * form['federated']:.1f}", done.stdout)
        for form in result["means"]["fsdd"].values():
            self.assertGreater(form["federated"], form["before"] + 20 * POINT)
            self.assertGreater(form["federated"], form["local"])


if __name__ == "__main__":
    unittest.main()
