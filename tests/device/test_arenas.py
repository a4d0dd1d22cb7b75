#!/usr/bin/env python3
"""A model is refused cleanly in every arena too small for it, on a board as on a host."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

STEP_BYTES = 16


class Arenas(unittest.TestCase):
    def test_every_size_below_the_needed_one_is_refused(self):
        for model, file in measurement.MODELS.items():
            for key in ("m0", "m4", "m55"):
                board = emulator.BOARDS[key]
                with self.subTest(model=model, board=key), tempfile.TemporaryDirectory() as name:
                    image = pathlib.Path(name, "image")
                    measurement.compile_model(measurement.models_directory() / file, board.target, image)
                    report = emulator.run(board, "runner", [f"sweep={STEP_BYTES}"], pathlib.Path(name),
                                          image=image)
                    (_, arena), = emulator.facts(report, "arena")
                    (_, sweep), = emulator.facts(report, "sweep")
                    self.assertEqual(sweep["sizes"], -(-arena["needed"] // STEP_BYTES))
                    self.assertEqual(sweep["refused"], sweep["sizes"])


if __name__ == "__main__":
    emulator.skip_without_tools()
    measurement.skip_without_models()
    unittest.main()
