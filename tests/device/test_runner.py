#!/usr/bin/env python3
"""The firmware that runs models refuses what is no model, and says why."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "firmware"))
import emulator  # noqa: E402  found through the line above

NOT_AN_IMAGE = 2  # sotto_device.h


class Refusals(unittest.TestCase):
    def refused(self, board, content):
        with tempfile.TemporaryDirectory() as name:
            image = pathlib.Path(name, "image")
            image.write_bytes(content)
            with self.assertRaises(emulator.EmulationError) as caught:
                emulator.run(board, "runner", [], pathlib.Path(name), image=image)
        report = str(caught.exception).split("\n", 1)[1]
        (_, fact), = emulator.facts(report, "open")
        self.assertIn("because ", report)
        return fact["error"]

    def test_bytes_that_are_no_image_are_refused_on_every_board(self):
        for board in emulator.BOARDS.values():
            with self.subTest(board=board.key):
                self.assertEqual(self.refused(board, b"\xa5" * 4096), NOT_AN_IMAGE)


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
