"""`sotto simulate --model FILE`: the head of a real model, trained as boards train it."""

import os
import shutil
import subprocess
import unittest

from sotto_process import (Coordinator, Device, SystemTest, run, run_ok, simulate, wait_until,
                           write_task)

FEATURES, CLASSES = 84, 6  # of motion


class Heads(SystemTest):
    def setUp(self):
        super().setUp()
        self.model = self.write_model("model.tflite", FEATURES, CLASSES)

    def write_model(self, name, features, classes):
        path = self.folder / name
        subprocess.run([os.environ["SOTTO_HEAD_MODEL"], path, str(features), str(classes)], check=True)
        return path

    def experiment(self, *options):
        return simulate("motion", "--devices", 8, "--rounds", 2, "--seed", 7, "--learning-rate", 0.1,
                        "--model", self.model, *options)

    def test_the_same_seed_gives_the_same_head_over_transports_threads_and_images(self):
        image = self.folder / "model.sotto"
        self.assertEqual(run("image", "compile", self.model, "-o", image).returncode, 0)
        digests = {}
        for form in ("float32", "int8"):
            results = [self.experiment("--head-form", form, "--threads", threads) for threads in (1, 2, 3)]
            self.assertEqual(len({result["transcript_sha256"] for result in results}), 1)
            results += [self.experiment("--head-form", form, *other) for other in
                        (("--transport", "grpc"), ("--aggregation", "plain"), ("--model", image))]
            digests[form] = {result["model_sha256"] for result in results}
            self.assertEqual(len(digests[form]), 1, form)
            self.assertGreater(results[0]["final_accuracy"], results[0]["initial_accuracy"] + 0.05)
            self.assertEqual(results[0]["parameters"], (FEATURES + 1) * CLASSES)
        self.assertNotEqual(*digests.values())
        self.assertNotIn(self.experiment("--seed", 8)["model_sha256"], digests["float32"])

    def test_devices_alone_begin_with_the_same_head(self):
        result = self.experiment("--local-baseline", 4)
        self.assertGreater(result["local_accuracy"], 0)
        self.assertIsNone(result["central_accuracy"])
        self.assertEqual(result["per_device"], [])

    def test_a_folder_of_devices_learns_as_the_data_set_that_was_exported(self):
        fleet = self.folder / "fleet"
        run_ok("dataset", "export", "motion", fleet, "--devices", 8, "--seed", 7)
        for device in sorted(fleet.glob("wearer-*")):  # the order of names must be that of devices
            shutil.copytree(fleet / "test", device / "test")
        for model in (("--model", self.model), ("--model", "softmax")):
            with self.subTest(model=model[1]):
                common = (*model, "--rounds", 2, "--seed", 7, "--learning-rate", 0.1, "--local-baseline", 8,
                          "--central-baseline")
                result = simulate("folder", "--data", fleet, *common)
                same = simulate("motion", "--devices", 8, *common)
                for key in ("model_sha256", "final_accuracy", "local_accuracy", "central_accuracy"):
                    self.assertEqual(result[key], same[key])
                self.assertGreater(result["central_accuracy"], result["initial_accuracy"])
                own = result["per_device"]
                self.assertEqual(len(own), 8)
                for device in own:  # whose own test examples are everybody's here
                    self.assertEqual(device["initial_accuracy"], result["initial_accuracy"])
                    self.assertEqual(device["final_accuracy"], result["final_accuracy"])
                self.assertAlmostEqual(sum(device["local_accuracy"] for device in own) / 8,
                                       result["local_accuracy"])

    def test_what_cannot_be_trained_is_refused_with_a_sentence(self):
        text = self.folder / "text"
        text.write_text("this is no model at all")
        other = self.write_model("other.tflite", 64, 12)
        for model, sentence in ((self.folder / "absent", "no such file, and no word for a model"),
                                (text, "no .tflite file"),
                                (other, "the model takes 64 values and knows 12 classes, but motion has 84")):
            with self.subTest(model=model.name):
                done = run("simulate", "motion", "--model", model, "--rounds", 1)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(sentence, done.stderr)
        done = run("simulate", "motion", "--model", self.model, "--rounds", 1, "--batch-size", 17)
        self.assertIn("a head takes steps of at most 16 examples", done.stderr)


class RealDevices(SystemTest):
    """`sotto task create --model` and `sotto device run --model`, all of them processes."""

    def setUp(self):
        super().setUp()
        self.model = self.folder / "model.tflite"
        subprocess.run([os.environ["SOTTO_HEAD_MODEL"], self.model, str(FEATURES), str(CLASSES)], check=True)
        self.data = self.folder / "motion"
        run_ok("dataset", "export", "motion", self.data, "--devices", 3, "--seed", 3)

    def create_task(self, coordinator, model, **changes):
        settings = {"participants": 3, "participants_min": 3, "rounds": 1000, "phase_deadline_ms": 5000,
                    "batch_size": 8, "learning_rate": 0.05} | changes
        return run("task", "create", "--file", write_task(self.folder, **settings), "--model", model,
                   "--data-dir", coordinator.data_dir)

    def devices(self, coordinator, *extra):
        folders = sorted(path for path in self.data.glob("wearer-*"))
        devices = [Device(coordinator, f"device-{i}", folder, ("--rounds", 3, *extra))
                   for i, folder in enumerate(folders)]
        for device in devices:
            self.addCleanup(device.end)
        return devices

    def test_devices_train_the_head_of_a_file_in_masked_rounds(self):
        with Coordinator(self.folder / "coordinator") as coordinator:
            done = self.create_task(coordinator, self.model)
            self.assertEqual(done.returncode, 0, done.stderr)
            for device in self.devices(coordinator, "--model", self.model, "--head-form", "int8"):
                self.assertEqual(device.process.wait(timeout=90), 0, device.log_text())
            rounds = coordinator.admin("round", "list", "activity")
            self.assertEqual([entry["collected"] for entry in rounds], [3, 3, 3])
            self.assertGreater(rounds[0]["training_accuracy"], rounds[-1]["training_accuracy"] + 0.05)
            self.assertIn(f"custom, {(FEATURES + 1) * CLASSES} parameters",
                          run_ok("task", "show", "activity", "--data-dir", coordinator.data_dir))

    def test_a_device_with_another_file_is_not_given_the_task(self):
        other = self.folder / "other.tflite"
        # The same shapes, other bytes after the tables: nothing of the head tells them apart.
        other.write_bytes(self.model.read_bytes() + bytes(16))
        with Coordinator(self.folder / "coordinator") as coordinator:
            self.assertEqual(self.create_task(coordinator, self.model).returncode, 0)
            devices = self.devices(coordinator, "--model", other)
            wait_until(lambda: coordinator.admin("fleet")["known"] >= 3, what="the devices' first calls")
            self.assertEqual(coordinator.admin("round", "list", "activity"), [])
            for device in devices:
                self.assertIsNone(device.process.poll(), device.log_text())

    def test_what_cannot_be_trained_is_refused_with_a_sentence(self):
        task = write_task(self.folder, batch_size=17)
        self.assert_refused(run("task", "create", "--file", task, "--model", self.model), 2,
                            "training.batch_size is 17: a head takes steps of at most 16")
        place = ("--coordinator", "localhost:1", "--ca", self.model, "--id", "a",
                 "--population", "wearables", "--data", self.data / "test")
        text = self.folder / "text"
        text.write_text("this is no model at all")
        self.assert_refused(run("device", "run", *place, "--model", text), 2, "no .tflite file")
        self.assert_refused(run("device", "run", *place, "--head-form", "int8"), 2, "--model")
        small = self.folder / "small.tflite"
        subprocess.run([os.environ["SOTTO_HEAD_MODEL"], small, "64", "12"], check=True)
        self.assert_refused(run("device", "run", *place, "--model", small), 2, "small.tflite",
                            "the examples have 84 features, the model takes 64")


if __name__ == "__main__":
    unittest.main()
