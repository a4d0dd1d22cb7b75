"""Ten experiments whose models are known to the bit: data sets, aggregations, transports.

A change that alters one of them changes what every fleet learns; it is a change of the protocol, or a fault.

test_recorded_models.py            compares
test_recorded_models.py --record   writes what this build makes into recorded_models.json
"""

import json
import pathlib
import platform
import shlex
import sys
import unittest

from sotto_process import BINARY, DATA_DIR, SystemTest, simulate

TABLE = pathlib.Path(__file__).with_name("recorded_models.json")


def recorded():
    return json.loads(TABLE.read_text())


def arguments(experiment):
    words = shlex.split(experiment["simulate"]) + ["--threads", "1"]
    return words + (["--data", str(DATA_DIR / experiment["folder"])] if "folder" in experiment else [])


def same_arithmetic():
    """Training in floating point gives these bits where the C library takes the same code paths."""
    if platform.machine() != "x86_64":
        return False
    cpu = pathlib.Path("/proc/cpuinfo")
    return cpu.exists() and " fma " in cpu.read_text()


def l1_bytes():
    """Of the first processor's data cache; 0 when the system does not say."""
    size = pathlib.Path("/sys/devices/system/cpu/cpu0/cache/index0/size")
    return 1024 * int(size.read_text().strip().rstrip("K")) if size.exists() else 0


class RecordedModels(SystemTest):
    def test_every_experiment_gives_the_model_on_record(self):
        if not same_arithmetic():
            self.skipTest("the models are on record for x86-64 processors with FMA")
        for experiment in recorded():
            with self.subTest(experiment["name"]):
                if "folder" in experiment:
                    self.require_data(experiment["folder"])
                # Below this, Eigen adds up a product of so many features in two parts.
                if l1_bytes() < experiment.get("least_l1_bytes", 0):
                    self.skipTest("the model is on record for processors with a larger L1 cache")
                model = simulate(*arguments(experiment))["model_sha256"]
                replay = shlex.join([BINARY, "simulate", *arguments(experiment)])
                self.assertEqual(model, experiment["model_sha256"],
                                 f"another model than on record; replay: {replay}")

    def test_the_table_is_of_ten_different_models(self):
        table = recorded()
        self.assertEqual(len({experiment["model_sha256"] for experiment in table}), 10)
        self.assertEqual(len(table), 10)


def record():
    table = recorded()
    for experiment in table:
        experiment["model_sha256"] = simulate(*arguments(experiment))["model_sha256"]
        print(f"{experiment['name']}: {experiment['model_sha256']}")
    TABLE.write_text("[\n" + ",\n".join(json.dumps(experiment) for experiment in table) + "\n]\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        record()
    else:
        unittest.main()
