#!/usr/bin/env python3
"""Heads learn the same bits on every board as on hosts, in memory of one size."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

# firmware/src/head_cases.cc, which a unit test runs on the host.
CASES = {"float32", "float32-momentum", "float32-everything", "float32-logistic", "float32-values", "int8",
         "int8-everything", "biases"}
SMALL_ENOUGH_FOR_THE_MICROBIT = {"int8", "biases"}


class Head(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.measured = {key: measurement.heads(board) for key, board in emulator.BOARDS.items()}

    def test_every_board_gives_the_bits_of_the_host(self):
        for key, found in self.measured.items():
            if key == "m0-microbit":
                self.assertLessEqual(SMALL_ENOUGH_FOR_THE_MICROBIT, set(found))
            else:
                self.assertEqual(set(found), CASES, key)
            for name, fact in found.items():
                with self.subTest(board=key, head=name):
                    self.assertEqual(fact["error"], 0)
                    self.assertEqual(fact["equal"], 1)
                    for bits in ("parameters", "kept", "outputs"):
                        self.assertEqual(fact[bits], self.measured["m4"][name][bits])
                        self.assertNotEqual(fact[bits], 0)

    def test_memory_has_one_size_on_every_board(self):
        # That of other models' layers depends on how kernels lay out the weights; 64 x 12 fills every layout.
        for key, found in self.measured.items():
            for name, fact in found.items():
                self.assertEqual(fact["memory"], self.measured["m4"][name]["memory"], f"{name} on {key}")

    def test_heads_that_differ_have_bits_that_differ(self):
        found = self.measured["m4"]
        self.assertEqual(len({fact["parameters"] for fact in found.values()}), len(CASES))


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
