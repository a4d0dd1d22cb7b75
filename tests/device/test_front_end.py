#!/usr/bin/env python3
"""Front ends give the same bits on every board as on hosts, in memory of one size."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "device-runtime" / "boards"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

# device-runtime/boards/src/front_end_cases.cc, which a unit test runs on the host.
CASES = {"samples-128x3", "statistics-128x3", "spectrum-64", "spectrum-128", "spectrum-1024", "log-mel-30x40", "mfcc-10x10",
         "mfcc-49x10"}
TOO_LARGE_FOR_THE_MICROBIT = {"spectrum-1024"}


class FrontEnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.measured = {key: measurement.front_ends(board) for key, board in emulator.BOARDS.items()}

    def test_every_board_gives_the_bits_of_the_host(self):
        for key, found in self.measured.items():
            self.assertEqual(set(found), CASES - (TOO_LARGE_FOR_THE_MICROBIT if key == "m0-microbit" else set()), key)
            for name, fact in found.items():
                with self.subTest(board=key, front_end=name):
                    self.assertEqual(fact["error"], 0)
                    self.assertEqual(fact["equal"], 1)
                    self.assertNotEqual(fact["output_bits"], 0)

    def test_arenas_and_tables_have_one_size_on_every_board(self):
        for key, found in self.measured.items():
            for name, fact in found.items():
                for what in ("arena", "tables"):
                    self.assertEqual(fact[what], self.measured["m4"][name][what], f"{what} of {name} on {key}")


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
