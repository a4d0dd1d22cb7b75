"""`sotto image`: inspect, compile, run and bench a .tflite; what cannot run is refused in words."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

from sotto_process import SystemTest, run, run_ok

SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
MODELS_DIR = pathlib.Path(os.environ.get("SOTTO_MODELS_DIR", SOURCE_DIR.parent / "shared" / "models"))
FILES = {"kws": "kws_ref_model.tflite", "vww": "vww_96_int8.tflite", "ic": "pretrainedResnet_quant.tflite",
         "ad": "ad01_int8.tflite", "sww": "str_ww_ref_model.tflite"}


class ModelTest(SystemTest):
    def model(self, key):
        path = MODELS_DIR / FILES[key]
        if not path.exists():
            self.skipTest(f"the reference model {path.name} is absent; set SOTTO_MODELS_DIR to run this test")
        return path

    def golden(self, key, what):
        return (MODELS_DIR / "golden" / f"{key}_{what}").read_bytes()


class Golden(ModelTest):
    def check(self, key, model):
        paths = {name: self.folder / name for name in ("out.bin", "logits.bin", "layers_crc32.txt")}
        run_ok("image", "run", model, "--input", MODELS_DIR / "golden" / f"{key}_in.bin", "--output",
               paths["out.bin"], "--logits", paths["logits.bin"], "--layers-crc", paths["layers_crc32.txt"])
        for name, path in paths.items():
            self.assertEqual(path.read_bytes(), self.golden(key, name), f"{key} {name}")

    def test_tflite_files_run_with_the_reference_bits(self):
        for key in FILES:
            with self.subTest(model=key):
                self.check(key, self.model(key))

    def test_images_for_every_target_run_with_the_reference_bits(self):
        for key in FILES:
            for target in ("portable", "cortex-m-dsp", "host"):
                with self.subTest(model=key, target=target):
                    image = self.folder / "model.sotto"
                    run_ok("image", "compile", self.model(key), "-o", image, "--target", target)
                    self.check(key, image)


class OldNames(SystemTest):
    def test_say_the_new_one(self):
        for subcommand in ("inspect", "compile", "run", "bench"):
            with self.subTest(subcommand):
                refused = run("model", subcommand, "model.tflite")
                self.assertEqual(refused.returncode, 2)
                self.assertIn(f"'sotto model {subcommand}' is now 'sotto image {subcommand}'", refused.stderr)
        self.assertIn("there is no command 'erase'", run("model", "erase").stderr)


class Inspect(ModelTest):
    def test_json_has_every_figure(self):
        report = json.loads(run_ok("image", "inspect", self.model("kws"), "--json"))
        self.assertEqual(report["arena_bytes"], report["activation_bytes"] + report["state_bytes"])
        self.assertLessEqual(report["arena_lower_bound_bytes"], report["arena_bytes"])
        self.assertLessEqual(report["arena_bytes"], 10_500)
        self.assertEqual(report["head"], {"operator": 11, "features": 64, "outputs": 12})
        self.assertEqual([op["name"] for op in report["operators"]][-3:],
                         ["RESHAPE", "FULLY_CONNECTED", "SOFTMAX"])
        self.assertEqual(sum(op["multiply_accumulates"] for op in report["operators"]), 2_656_768)
        fits = {board["name"]: board["fits"] for board in report["boards"]}
        self.assertTrue(fits["BBC micro:bit v1"])
        self.assertFalse(fits["STM32 Blue Pill"])

    def test_what_training_the_head_takes_is_told(self):
        def training(model, *options):
            return json.loads(run_ok("image", "inspect", self.model(model), "--json", *options))["training"]
        plain = training("kws")
        self.assertEqual((plain["form"], plain["optimiser"], plain["replay_samples"]), ("float32", "sgd", 64))
        self.assertEqual(plain["parameter_bytes"], 4 * 65 * 12)
        self.assertEqual(plain["parameters"], 65 * 12)
        moving = training("kws", "--optimiser", "momentum", "--replay", "0")
        self.assertEqual(moving["momentum_bytes"], plain["parameter_bytes"])
        self.assertEqual(moving["replay_bytes"], 0)
        self.assertEqual(plain["replay_bytes"] - training("kws", "--replay", "48")["replay_bytes"], 16 * 65)
        self.assertLess(training("kws", "--form", "int8")["bytes"], plain["bytes"])
        self.assertGreater(training("kws", "--anchor")["bytes"], plain["bytes"])
        self.assertEqual(training("kws", "--classes", "20")["parameters"], 65 * 20)
        refused = training("kws", "--form", "int8", "--optimiser", "momentum")["refused"]
        self.assertIn("int8 weights have no momentum", refused)
        text = run_ok("image", "inspect", self.model("kws"))
        self.assertIn(f"{plain['bytes']} bytes more to train it: float32, sgd, 64 examples", text)

    def test_text_names_operators_memory_and_boards(self):
        text = run_ok("image", "inspect", self.model("ad"))
        for word in ("FULLY_CONNECTED", "bytes of arena", "lower bound", "head", "BOARD",
                     "Raspberry Pi Pico"):
            self.assertIn(word, text)

    def test_image_bytes_are_those_of_the_compiled_file(self):
        image = self.folder / "sww.sotto"
        report = json.loads(run_ok("image", "compile", self.model("sww"), "-o", image, "--json"))
        self.assertEqual(image.stat().st_size, report["image_bytes"])

    def test_the_c_array_is_c_that_holds_the_image(self):
        compiler = shutil.which("cc")
        if compiler is None:
            self.skipTest("no C compiler")
        image, source, binary = (self.folder / name for name in ("kws.sotto", "kws.c", "kws"))
        run_ok("image", "compile", self.model("kws"), "-o", image)
        run_ok("image", "compile", self.model("kws"), "-o", source, "--c-array")
        names = [line.split()[-1].rstrip(";") for line in source.read_text().splitlines()
                 if line.startswith("extern const")]
        main = self.folder / "main.c"
        main.write_text('#include <stdio.h>\n#include "kws.c"\nstruct sotto_kernel { int unused; };\n'
                        + "".join(f"const sotto_kernel {name} = {{0}};\n" for name in names)
                        + "int main(void) { return fwrite(kws, 1, sizeof kws, stdout) != sizeof kws "
                          "|| kws_kernels.count == 0 || kws_arena_bytes == 0; }\n")
        subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-I",
                        SOURCE_DIR / "device-runtime" / "include", main,
                        "-o", binary], check=True, timeout=60)
        done = subprocess.run([binary], capture_output=True, timeout=60, check=True)
        self.assertEqual(done.stdout, image.read_bytes())


class Bench(ModelTest):
    def test_every_operator_is_timed(self):
        report = json.loads(run_ok("image", "bench", self.model("sww"), "--count", 3, "--json"))
        self.assertEqual(len(report["operators"]), 11)
        self.assertLessEqual(report["host"]["least_us"], report["host"]["median_us"])
        self.assertGreater(report["portable"]["least_us"], 0)


class Refusals(ModelTest):
    def test_what_is_no_model_is_named(self):
        file = self.folder / "noise.tflite"
        file.write_bytes(os.urandom(4096))
        self.assert_refused(run("image", "inspect", file), 2, "noise.tflite", "TFL3")
        self.assert_refused(run("image", "run", file, "--input", file, "--output", self.folder / "o"), 2,
                            "noise.tflite", "TFL3")
        file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        self.assert_refused(run("image", "run", file, "--input", file, "--output", self.folder / "o"), 2,
                            "Git LFS pointer")
        self.assert_refused(run("image", "inspect", self.folder / "absent.tflite"), 2, "absent.tflite")

    def test_truncated_models_and_images_are_refused(self):
        content = self.model("sww").read_bytes()
        cut = self.folder / "cut.tflite"
        for length in (8, 100, len(content) // 2, len(content) - 1):
            cut.write_bytes(content[:length])
            self.assert_refused(run("image", "inspect", cut), 2, "cut.tflite")
        image = self.folder / "sww.sotto"
        run_ok("image", "compile", self.model("sww"), "-o", image)
        self.assert_refused(run("image", "inspect", image), 2, "sww.sotto", "model image already")
        damaged = bytearray(image.read_bytes())
        damaged[1000] ^= 1
        image.write_bytes(damaged)
        self.assert_refused(run("image", "run", image, "--input", image, "--output", self.folder / "o"), 2,
                            "CRC-32")

    def test_inputs_of_the_wrong_length_are_refused(self):
        wrong = self.folder / "in.bin"
        wrong.write_bytes(bytes(1201))
        self.assert_refused(run("image", "run", self.model("sww"), "--input", wrong, "--output",
                                self.folder / "o"), 2,
                            "1201", "1200")


if __name__ == "__main__":
    unittest.main()
