#!/usr/bin/env python3
"""A model is refused cleanly in every arena too small for it, on a board as on a host."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

STEP_BYTES = 16
BOARDS = ("m0", "m4", "m55")


class Arenas(unittest.TestCase):
    def sweep(self, board, model, step):
        """How many sizes below the needed one were tried, how many there are, how many were refused."""
        with tempfile.TemporaryDirectory() as name:
            image = pathlib.Path(name, "image")
            measurement.compile_model(model, board.target, image)
            report = emulator.run(board, "runner", [f"sweep={step}"], pathlib.Path(name), image=image)
        (_, arena), = emulator.facts(report, "arena")
        (_, sweep), = emulator.facts(report, "sweep")
        return sweep["sizes"], -(-arena["needed"] // step), sweep["refused"]

    def test_every_size_below_the_needed_one_is_refused(self):
        with tempfile.TemporaryDirectory() as name:
            make = [sys.executable, "-B", ROOT / "examples" / "tiny_model" / "make_model.py", "model"]
            subprocess.run(make, cwd=name, check=True, stdout=subprocess.DEVNULL)
            for key in BOARDS:
                with self.subTest(board=key):
                    tried, sizes, refused = self.sweep(emulator.BOARDS[key], pathlib.Path(name, "model"), 1)
                    self.assertGreater(tried, 64)
                    self.assertEqual((tried, refused), (sizes, sizes))

    def test_reference_models_are_refused_too(self):
        if measurement.absent_models():
            self.skipTest(f"SOTTO_MODELS_DIR, {measurement.models_directory()}, lacks models")
        for model, file in measurement.MODELS.items():
            for key in BOARDS:
                with self.subTest(model=model, board=key):
                    file_path = measurement.models_directory() / file
                    tried, sizes, refused = self.sweep(emulator.BOARDS[key], file_path, STEP_BYTES)
                    self.assertEqual((tried, refused), (sizes, sizes))


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
