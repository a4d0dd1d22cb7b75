#!/usr/bin/env python3
"""Front ends give the same bits on every board as on hosts, in memory of one size."""
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

# firmware/src/front_end_cases.cc, which a unit test runs on the host.
CASES = {"samples-128x3", "statistics-128x3", "spectrum-64", "spectrum-128", "spectrum-1024",
         "log-mel-30x40", "mfcc-10x10", "mfcc-49x10"}
TOO_LARGE_FOR_THE_MICROBIT = {"spectrum-1024"}


class FrontEnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.measured = {key: measurement.front_ends(board) for key, board in emulator.BOARDS.items()}

    def test_every_board_gives_the_bits_of_the_host(self):
        for key, found in self.measured.items():
            self.assertEqual(set(found),
                             CASES - (TOO_LARGE_FOR_THE_MICROBIT if key == "m0-microbit" else set()), key)
            for name, fact in found.items():
                with self.subTest(board=key, front_end=name):
                    self.assertEqual(fact["error"], 0)
                    self.assertEqual(fact["equal"], 1)
                    self.assertNotEqual(fact["output_bits"], 0)

    def test_no_firmware_of_a_front_end_calculates_with_floats(self):
        # On a core without floating-point unit every such calculation is a call.
        for kind in ("sample", "statistics", "spectrum", "log_mel", "mfcc"):
            firmware = emulator.BOARDS["m3"].firmware(f"footprint_{kind}_features")
            symbols = subprocess.run(["arm-none-eabi-nm", firmware], capture_output=True, text=True,
                                     check=True).stdout
            self.assertIn("sotto_front_end_open", symbols)
            self.assertEqual(re.findall(r"__aeabi_[fd]\w+|__aeabi_\w+2[fd]\b", symbols), [], kind)

    def test_arenas_and_tables_have_one_size_on_every_board(self):
        for key, found in self.measured.items():
            for name, fact in found.items():
                for what in ("arena", "tables"):
                    self.assertEqual(fact[what], self.measured["m4"][name][what],
                                     f"{what} of {name} on {key}")


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
