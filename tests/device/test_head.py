#!/usr/bin/env python3
"""Heads learn the same bits on every board as on hosts, in memory of one size.

test_head.py [--board KEY...]
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above
import measurement  # noqa: E402

# firmware/src/head_cases.cc, which a unit test runs on the host.
CASES = {"float32", "float32-momentum", "float32-everything", "float32-logistic", "float32-values", "int8",
         "int8-everything", "biases"}
SMALL_ENOUGH_FOR_THE_MICROBIT = {"int8", "biases"}
ALL_BOARDS = emulator.BOARDS | emulator.MORE_BOARDS
OPTIONS = argparse.Namespace(board=list(emulator.BOARDS))

# Products that are fused with a sum, and arithmetic of Helium, which flushes subnormals.
OTHER_BITS = re.compile(r"\bvn?(?:ml[as]|fm[as]|fnm[as])\S*\.f32|\bv(?:add|sub|mul|abd)\.f32\s+q")
CORES = {"m4": ["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"], "m55": ["-mcpu=cortex-m55"]}


class Head(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.measured = {key: measurement.heads(ALL_BOARDS[key]) for key in OPTIONS.board}
        cls.last = cls.measured[OPTIONS.board[-1]]

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
                        self.assertEqual(fact[bits], self.last[name][bits])
                        self.assertNotEqual(fact[bits], 0)
                    self.assertEqual(fact["round"], self.last[name]["round"])
                    # What an int8 head learns in a round is counted from its anchor, which this one has not.
                    self.assertEqual(fact["round"] == 0, name == "int8")

    def test_memory_has_one_size_on_every_board(self):
        # That of other models' layers depends on how kernels lay out the weights; 64 x 12 fills every layout.
        for key, found in self.measured.items():
            for name, fact in found.items():
                self.assertEqual(fact["memory"], self.last[name]["memory"], f"{name} on {key}")

    def instructions(self, source, core):
        """`source` compiled as somebody might who knows nothing of it: everything allowed but -ffast-math."""
        with tempfile.TemporaryDirectory() as name:
            compiled = pathlib.Path(name, "object")
            includes = [f"-I{ROOT / 'device-runtime' / folder}" for folder in ("include", "src")]
            subprocess.run(["arm-none-eabi-g++", "-std=gnu++20", "-O3", "-ffp-contract=fast", "-mthumb",
                            *CORES[core], "-mfloat-abi=hard", *includes, "-c", source, "-o", compiled],
                           check=True)
            return subprocess.run(["arm-none-eabi-objdump", "-d", compiled], capture_output=True, text=True,
                                  check=True).stdout

    def test_no_flag_of_the_compiler_changes_a_bit(self):
        sources = sorted((ROOT / "device-runtime" / "src" / "head").glob("*.cc"))
        self.assertGreater(len(sources), 8)
        for source in sources:  # the M55 has all that the M4 has
            with self.subTest(source=source.name):
                self.assertEqual(OTHER_BITS.findall(self.instructions(source, "m55")), [])

    def test_the_search_finds_what_a_compiler_makes_of_plain_arithmetic(self):
        with tempfile.TemporaryDirectory() as name:
            source = pathlib.Path(name, "plain.cc")
            source.write_text("void f(float* a, const float* b, float c) "
                              "{ for (int i = 0; i < 64; ++i) a[i] -= c * b[i]; }")
            for core in CORES:
                self.assertNotEqual(OTHER_BITS.findall(self.instructions(source, core)), [], core)

    def test_heads_that_differ_have_bits_that_differ(self):
        self.assertEqual(len({fact["parameters"] for fact in self.last.values()}), len(CASES))


if __name__ == "__main__":
    emulator.skip_without_tools()
    parser = argparse.ArgumentParser()
    parser.add_argument("--board", nargs="+", choices=list(ALL_BOARDS), default=list(emulator.BOARDS))
    OPTIONS, remaining = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *remaining])
