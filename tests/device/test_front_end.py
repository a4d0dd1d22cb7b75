#!/usr/bin/env python3
"""Front ends give the same bits on every board as on hosts, and cost no more than they did."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "device-runtime" / "boards"))
import emulator  # noqa: E402  found through the line above

CASES = 8  # device-runtime/boards/src/front_end_cases.cc
LARGEST = 4  # the case that does not fit into the memory of the micro:bit
# Instructions for a frame of each case on a Cortex-M4; a rise is a decision, made here.
FRAME_INSTRUCTIONS_MAX = [380, 8_500, 6_500, 13_000, 120_000, 45_000, 50_000, 45_000]
OPEN_INSTRUCTIONS_MAX = 300_000
STACK_BYTES_MAX = 800


class FrontEnd(unittest.TestCase):
    def report(self, key):
        with tempfile.TemporaryDirectory() as directory:
            return emulator.run(emulator.BOARDS[key], "front_end_runner", [], pathlib.Path(directory))

    def test_every_board_gives_the_bits_of_the_host(self):
        for key in emulator.BOARDS:
            with self.subTest(board=key):
                found = {index: fact for (index,), fact in emulator.facts(self.report(key), "bits")}
                expected = set(range(CASES)) - ({LARGEST} if key == "m0-microbit" else set())
                self.assertEqual(set(found), expected)
                for index, fact in found.items():
                    self.assertEqual(fact["crc32"], fact["expected"], f"case {index}")
                    self.assertNotEqual(fact["crc32"], 0)

    def test_a_frame_costs_no_more_than_it_did(self):
        report = self.report("m4")
        self.assertEqual(emulator.facts(report, "counter"), [((), {"exact": 1})])
        cases = emulator.facts(report, "case")
        self.assertEqual(len(cases), CASES)
        for (index,), case in cases:
            with self.subTest(case=index):
                self.assertEqual(case["error"], 0)
                self.assertGreater(case["frame"], 100)
                self.assertLessEqual(case["frame"], FRAME_INSTRUCTIONS_MAX[index])
                self.assertLessEqual(case["open"], OPEN_INSTRUCTIONS_MAX)
                self.assertLessEqual(case["stack"], STACK_BYTES_MAX)

    def test_arenas_have_one_size_on_every_board(self):
        sizes = {key: {index: (case["arena"], case["tables"])
                       for index, case in emulator.facts(self.report(key), "case") if index != (LARGEST,)}
                 for key in emulator.BOARDS}
        for key, found in sizes.items():
            self.assertEqual(found, sizes["m4"], key)


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
