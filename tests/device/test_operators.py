#!/usr/bin/env python3
"""Every operator model on a board: each byte equals the official interpreter's
(operators/README.md). test_operators.py BOARD
"""
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

MODELS = HERE / "operators" / "models"
RUNS = 4
BOARD = emulator.BOARDS["m3"]


class Operators(unittest.TestCase):
    def test_every_byte_is_the_official_interpreters(self):
        inputs = sorted(MODELS.glob("*.inputs"))
        self.assertGreater(len(inputs), 100)
        with tempfile.TemporaryDirectory() as name:
            image = pathlib.Path(name, "image")
            for path in inputs:
                with self.subTest(model=path.stem):
                    measurement.compile_model(path.with_suffix(".tflite"), BOARD.target, image)
                    measured = measurement.measure(BOARD, image, path, RUNS, operators=False)
                    self.assertEqual(measured.outputs.hex(), path.with_suffix(".outputs").read_bytes().hex())


if __name__ == "__main__":
    emulator.skip_without_tools()
    BOARD = emulator.BOARDS[sys.argv.pop(1)]
    unittest.main()
