#!/usr/bin/env python3
"""Every kernel that a board has gives the reference's bits on random operators."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "firmware"))
import emulator  # noqa: E402  found through the line above

OPERATORS = 60  # of each kernel
WRITER = os.environ.get("SOTTO_KERNEL_CASES") or ROOT / "build" / "dev" / "bin" / "write_kernel_cases"
OUTPUT_CRC32 = 8  # where it lies in a case


class KernelCases(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def cases(self, target, seed, operators):
        path = self.folder / target
        subprocess.run([WRITER, target, str(seed), str(operators), path], check=True)
        return path

    def run_on(self, board, cases):
        return emulator.run(board, "kernel_cases", [f"cases={cases.name}"], self.folder, exact=False)

    def test_outputs_are_equal_on_every_board(self):
        for board in emulator.BOARDS.values():
            if board.machine == "microbit":  # too little memory
                continue
            with self.subTest(board=board.key):
                report = self.run_on(board, self.cases(board.target, 1, OPERATORS))
                words = report.split()
                self.assertEqual(words[-4], "cases", report)
                self.assertGreaterEqual(int(words[-3]), 5 * OPERATORS)
                self.assertEqual(int(words[-1]), 0)

    def test_a_wrong_output_is_noticed(self):
        cases = self.cases("cortex-m-dsp", 1, 2)
        content = bytearray(cases.read_bytes())
        content[OUTPUT_CRC32] ^= 1
        cases.write_bytes(content)
        with self.assertRaisesRegex(emulator.EmulationError, "case 0 kind 1 because the output differs"):
            self.run_on(emulator.BOARDS["m4"], cases)


if __name__ == "__main__":
    emulator.skip_without_tools()
    unittest.main()
